// Slots as llama.cpp's server has them, for requests that name one (id_slot): the tokens that were
// run last under each number, to be saved in a file and taken up again.
//
// Sequences get their place as they come, and the cache keeps prompts by what they say, so a number
// is only a name here: a file holds tokens, and restoring it runs them, from the cache as far as it
// has them. After an erasure what comes under the number shares nothing with what came before.
#pragma once
#include "base/result.h"
#include "server/json.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace quire::server {

// Safe to call from many threads.
class SavedSlots {
 public:
  void put(const std::string& model_key, int64_t slot, std::vector<int32_t> tokens);
  std::vector<int32_t> tokens(const std::string& model_key, int64_t slot) const;
  // How many tokens it had.
  size_t erase(const std::string& model_key, int64_t slot);
  // What sequences under this number share with (Request::cache_salt).
  std::string salt(const std::string& model_key, int64_t slot) const;

 private:
  struct Slot {
    std::vector<int32_t> tokens;
    std::string salt;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int64_t>, Slot> slots_;
};

// A file of tokens: JSON with the model's fingerprint and a SHA-256 of what it holds.
std::string slot_file_text(uint64_t model, const std::vector<int32_t>& tokens);
// bad_format for a damaged file, or one of another model.
Result<std::vector<int32_t>> read_slot_file(std::string_view text, const std::string& name,
                                            uint64_t model, int64_t n_vocab);
// usage for what is no plain file name.
Result<void> check_slot_file_name(const std::string& name);

}  // namespace quire::server
