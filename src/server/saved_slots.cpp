#include "server/saved_slots.h"

#include "base/sha256.h"
#include "format/json.h"
#include "format/printable.h"
#include "server/app.h"

namespace quire::server {

void SavedSlots::put(const std::string& model_key, int64_t slot, std::vector<int32_t> tokens) {
  const std::lock_guard lock(mutex_);
  slots_[{model_key, slot}].tokens = std::move(tokens);
}

std::vector<int32_t> SavedSlots::tokens(const std::string& model_key, int64_t slot) const {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find({model_key, slot});
  return found == slots_.end() ? std::vector<int32_t>{} : found->second.tokens;
}

size_t SavedSlots::erase(const std::string& model_key, int64_t slot) {
  const std::lock_guard lock(mutex_);
  Slot& found = slots_[{model_key, slot}];
  found.salt = new_id("erased-");
  return std::exchange(found.tokens, {}).size();
}

std::string SavedSlots::salt(const std::string& model_key, int64_t slot) const {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find({model_key, slot});
  return found == slots_.end() ? "" : found->second.salt;
}

namespace {

Json slot_json(uint64_t model, const std::vector<int32_t>& tokens) {
  return {{"quire_slot", 1}, {"model", fmt::format("{:016x}", model)}, {"tokens", tokens}};
}

}  // namespace

std::string slot_file_text(uint64_t model, const std::vector<int32_t>& tokens) {
  Json json = slot_json(model, tokens);
  json["sum"] = sha256_of(to_text(json));
  return to_text(json) + "\n";
}

Result<std::vector<int32_t>> read_slot_file(std::string_view text, const std::string& name,
                                            uint64_t model, int64_t n_vocab) {
  const auto damaged = [&](std::string_view what) {
    return fail(Fault::bad_format, "{}: {}", name, what);
  };
  const Json json = TRY(parse_ordered_json(text, name, {.depth_max = 4}));
  if (!json.is_object() || json.value("quire_slot", Json()) != 1)
    return damaged("is no file of a slot");
  if (json.value("model", Json()) != fmt::format("{:016x}", model))
    return damaged("holds tokens of another model");
  std::vector<int32_t> tokens;
  const Json list = json.value("tokens", Json());
  for (const Json& token : list) {
    const bool right =
        token.is_number_integer() && token.get<int64_t>() >= 0 && token.get<int64_t>() < n_vocab;
    if (!right) return damaged("holds what is no token");
    tokens.push_back(token.get<int32_t>());
  }
  if (!list.is_array() || json.value("sum", Json()) != sha256_of(to_text(slot_json(model, tokens))))
    return damaged("is damaged: its checksum is another one");
  return tokens;
}

Result<void> check_slot_file_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 200 && name[0] != '.' &&
                     name.find('/') == name.npos && name.find('\\') == name.npos &&
                     name.find('\0') == name.npos;
  if (plain) return {};
  return fail(Fault::usage, "filename is '{}', not the name of a file without a folder",
              printable(name, 60));
}

}  // namespace quire::server
