#include "base/isa.h"

#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

// Puts the limit back where it was.
class IsaLimit : public testing::Test {
 protected:
  ~IsaLimit() override { limit_isa(before_); }
  Isa before_ = isa();
};

TEST(IsaName, IsReadBack) {
  for (const Isa each : {Isa::portable, Isa::avx2, Isa::avx512})
    EXPECT_EQ(isa_from_name(isa_name(each)).value(), each);
}

TEST(IsaName, ThatIsUnknownIsAUsageFaultListingTheKnown) {
  for (const char* name : {"", "AVX2", "avx", "sse2", "avx512 "}) {
    const auto result = isa_from_name(name);
    ASSERT_FALSE(result.has_value()) << name;
    EXPECT_EQ(result.error().fault, Fault::usage);
    EXPECT_THAT(result.error().text, testing::HasSubstr("portable, avx2 or avx512"));
  }
}

TEST_F(IsaLimit, LowersAndNeverRaises) {
  limit_isa(Isa::portable);
  EXPECT_EQ(isa(), Isa::portable);
  limit_isa(Isa::avx2);
  EXPECT_EQ(isa(), std::min(isa_detected(), Isa::avx2));
  limit_isa(Isa::avx512);
  EXPECT_EQ(isa(), isa_detected());
}

// The kernel's list of processor flags is a second opinion on the detection.
TEST(IsaDetected, AgreesWithTheKernel) {
  const auto text = read_file("/proc/cpuinfo");
  if (!text.has_value()) GTEST_SKIP() << "no /proc/cpuinfo";
  const auto has = [&](std::string_view flag) {
    const size_t line = text->find("\nflags");
    if (line == std::string::npos) return false;
    const std::string flags = text->substr(line + 1, text->find('\n', line + 1) - line - 1) + " ";
    return flags.find(fmt::format(" {} ", flag)) != std::string::npos;
  };
  const bool avx2 = has("avx2") && has("fma") && has("f16c") && has("bmi1") && has("bmi2");
  const bool avx512 = avx2 && has("avx512f") && has("avx512bw") && has("avx512vl") &&
                      has("avx512dq") && has("avx512_vnni") && has("avx512_bf16");
  EXPECT_EQ(isa_detected(), avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::portable);
}

}  // namespace
}  // namespace quire
