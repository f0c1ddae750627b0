// quire list: the models of this machine.
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "model/find_model.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

namespace quire {
namespace {

struct ListFlags {
  bool json = false;
};

struct Row {
  std::string name, from, path;
  uint64_t size = 0;
  int64_t modified_s = 0;
};

std::vector<Row> all_models() {
  std::vector<Row> rows;
  for (const std::string& path : bundled_models()) {
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(path, error);
    rows.push_back({model_name(path), "bundled", path, error ? 0 : size, 0});
  }
  const Store store = model_store();
  for (const StoredModel& model : store.list())
    rows.push_back({model.ref.text(), "store", store.model_path(model).value_or(""), model.size(),
                    model.modified_s});
  for (const CachedModel& model : cached_models(cache_folders()))
    rows.push_back({model.name, model.from, model.path, model.size, model.modified_s});
  return rows;
}

std::string size_text(uint64_t bytes) {
  const double mib = static_cast<double>(bytes) / 1048576;
  return mib >= 1024 ? fmt::format("{:.1f} GiB", mib / 1024) : fmt::format("{:.1f} MiB", mib);
}

std::string date_text(int64_t time_s) {
  if (time_s == 0) return "-";
  const std::time_t time = time_s;
  std::tm local{};
  localtime_r(&time, &local);
  return fmt::format("{:04}-{:02}-{:02}", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday);
}

Result<int> run(const ListFlags& flags) {
  const std::vector<Row> rows = all_models();
  if (flags.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const Row& row : rows)
      all.push_back({{"name", row.name},
                     {"from", row.from},
                     {"path", row.path},
                     {"size", row.size},
                     {"modified_s", row.modified_s}});
    print_json(all);
    return 0;
  }
  size_t width = 4;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  put_text(fmt::format("{:<{}}  {:>10}  {:<10}  {}\n", "NAME", width, "SIZE", "MODIFIED", "FROM"));
  for (const Row& row : rows)
    put_text(fmt::format("{:<{}}  {:>10}  {:<10}  {}\n", row.name, width, size_text(row.size),
                         date_text(row.modified_s), row.from));
  return 0;
}

}  // namespace

CommandBody command_list(CommandLine& app) {
  auto flags = std::make_shared<ListFlags>();
  app.add_flag("--json", flags->json, "print JSON, with the paths");
  examples(app, {{"quire list",
                  "bundled, pulled and made, and those in the caches of llama.cpp, Hugging "
                  "Face and Ollama"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
