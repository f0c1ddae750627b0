// quire selftest: every kernel and codec version that this machine can run against its reference.
#include "cli/command.h"
#include "kernels/selftest.h"
#include "quant/selftest.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace quire {
namespace {

struct SelftestFlags {
  bool json = false;
  uint64_t seed = 1;
};

void print_rows(const std::vector<SelftestRow>& rows) {
  size_t width = 4;
  for (const SelftestRow& row : rows) width = std::max(width, row.what.size());
  fmt::print("{:<{}}  {:<9} {:>12} {:>12}  result\n", "what", width, "version", "difference",
             "allowed");
  for (const SelftestRow& row : rows)
    fmt::print("{:<{}}  {:<9} {:>12.3g} {:>12.3g}  {}\n", row.what, width, isa_name(row.isa),
               row.difference, row.tolerance, row.pass() ? "ok" : "FAILED");
}

void print_rows_json(const std::vector<SelftestRow>& rows) {
  auto list = nlohmann::json::array();
  for (const SelftestRow& row : rows)
    list.push_back({{"what", row.what},
                    {"version", isa_name(row.isa)},
                    {"difference", row.difference},
                    {"tolerance", row.tolerance},
                    {"pass", row.pass()}});
  fmt::print("{}\n", nlohmann::json{{"isa", isa_name(isa())}, {"rows", std::move(list)}}.dump(1));
}

Result<int> run(const SelftestFlags& flags) {
  std::vector<SelftestRow> rows = selftest_codecs();
  for (SelftestRow& row : selftest_kernels(flags.seed)) rows.push_back(std::move(row));
  flags.json ? print_rows_json(rows) : print_rows(rows);
  const auto n_failed =
      std::count_if(rows.begin(), rows.end(), [](const SelftestRow& row) { return !row.pass(); });
  if (n_failed > 0)
    return fail(Fault::device, "{} of {} versions differ from their reference", n_failed,
                rows.size());
  if (!flags.json)
    fmt::print("\n{} versions agree with their reference; in use here: {}\n", rows.size(),
               isa_name(isa()));
  return 0;
}

}  // namespace

CommandBody command_selftest(CommandLine& app) {
  auto flags = std::make_shared<SelftestFlags>();
  app.add_flag("--json", flags->json, "print JSON");
  add_int(app, "-s,--seed", flags->seed, "seed of the random data", 0, INT64_MAX);
  examples(app, {{"quire selftest", "a table of every version"},
                 {"QUIRE_ISA=avx2 quire selftest", "as on a machine without AVX-512"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
