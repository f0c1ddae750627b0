#include "base/result.h"

#include "base/check.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace quire {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Fault::usage, "{} is odd", n);
  return n / 2;
}

Result<int> quarter(int n) {
  const int h = TRY(half(n));
  return half(h);
}

Result<void> must_be_even(int n, int& n_calls) {
  ++n_calls;
  TRY(half(n));
  return {};
}

TEST(Result, TryGivesTheValue) {
  const Result<int> result = quarter(12);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 3);
}

TEST(Result, TryReturnsTheErrorOfTheInnerCall) {
  const Result<int> result = quarter(14);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::usage);
  EXPECT_EQ(result.error().text, "7 is odd");
}

TEST(Result, TryEvaluatesItsExpressionOnce) {
  int n_calls = 0;
  const auto twice = [&]() -> Result<void> {
    TRY(must_be_even(2, n_calls));
    TRY(must_be_even(3, n_calls));
    TRY(must_be_even(4, n_calls));
    return {};
  };
  EXPECT_FALSE(twice().has_value());
  EXPECT_EQ(n_calls, 2);
}

TEST(Result, TryMovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto pass = [&]() -> Result<int> { return *TRY(make()); };
  EXPECT_EQ(pass().value(), 5);
}

// The one table of docs: a change here changes what scripts and clients of the program rely on.
TEST(Fault, HasTheDocumentedExitCodeAndHttpStatus) {
  struct Row {
    Fault fault;
    const char* name;
    int exit_code, http_status;
  };
  const Row rows[] = {
      {Fault::usage, "usage", 2, 400},           {Fault::not_found, "not_found", 3, 404},
      {Fault::bad_format, "bad_format", 4, 422}, {Fault::unsupported, "unsupported", 5, 501},
      {Fault::limit, "limit", 6, 429},           {Fault::io, "io", 7, 500},
      {Fault::device, "device", 8, 503},         {Fault::cancelled, "cancelled", 130, 499},
  };
  std::set<int> codes;
  for (const Row& row : rows) {
    EXPECT_STREQ(fault_name(row.fault), row.name);
    EXPECT_EQ(exit_code(row.fault), row.exit_code) << row.name;
    EXPECT_EQ(http_status(row.fault), row.http_status) << row.name;
    codes.insert(row.exit_code);
  }
  EXPECT_EQ(codes.size(), std::size(rows)) << "two faults share an exit code";
}

TEST(CheckDeathTest, NamesFileAndCondition) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "result_test.cpp:[0-9]+: CHECK failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace quire
