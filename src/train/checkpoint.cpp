#include "train/checkpoint.h"

#include "base/file.h"
#include "format/json.h"
#include "format/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view prefix = "step-";

// A folder that is being written or removed; no name of this kind is ever read.
std::string scratch_name(const std::string& checkpoints, int64_t step, const char* why) {
  return fmt::format("{}/.{}-{:08}", checkpoints, why, step);
}

Result<void> sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return fail(Fault::io, "{}: cannot sync the folder: {}", path, std::strerror(error));
  return {};
}

// Renamed first, so that a folder half removed is not taken for a checkpoint.
void remove_checkpoint(const std::string& checkpoints, const CheckpointEntry& entry) {
  const std::string doomed = scratch_name(checkpoints, entry.step, "removed");
  std::error_code ignored;
  fs::remove_all(doomed, ignored);
  if (std::rename(entry.path.c_str(), doomed.c_str()) == 0) fs::remove_all(doomed, ignored);
}

json optional_number(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json to_json(const RunState& state) {
  return {{"format", 1},
          {"step", state.step},
          // Where the next step reads: window n of the seed's endless sequence (train/data.h).
          {"next_window", state.step * state.config.batch},
          {"n_tokens", state.n_tokens},
          {"seconds", state.seconds},
          {"loss", state.loss},
          {"held_out", optional_number(state.held_out)},
          {"best_held_out", optional_number(state.best_held_out)},
          {"config", to_json(state.config)}};
}

std::vector<NamedTensor> named(const ParameterSet& parameters, std::string_view front,
                               const float* array) {
  std::vector<NamedTensor> tensors;
  for (const ParameterSlot& slot : parameters.slots())
    tensors.push_back({std::string(front) + slot.name, ParameterSet::view(slot, array)});
  return tensors;
}

Result<void> fill_from(const SafetensorsFile& file, std::string_view front,
                       const ParameterSet& parameters, float* array) {
  for (const ParameterSlot& slot : parameters.slots()) {
    const std::string name = std::string(front) + slot.name;
    const TensorView view = TRY(file.tensor(name));
    if (view.dtype != DType::f32 || !(view.shape == slot.shape))
      return fail(Fault::bad_format, "{}: tensor '{}' is {} {}, the model needs F32 {}",
                  file.path(), name, info(view.dtype).name, view.shape.text(), slot.shape.text());
    std::memcpy(array + slot.offset, view.data, static_cast<size_t>(view.n_bytes()));
  }
  return {};
}

}  // namespace

Result<std::string> save_checkpoint(const std::string& checkpoints, const RunState& state,
                                    const ParameterSet& parameters) {
  TRY(make_directories(checkpoints));
  const std::string writing = scratch_name(checkpoints, state.step, "writing");
  std::string path = fmt::format("{}/{}{:08}", checkpoints, prefix, state.step);
  std::error_code ignored;
  fs::remove_all(writing, ignored);
  TRY(make_directories(writing));
  TRY(write_safetensors(writing + "/weights.safetensors",
                        named(parameters, "", parameters.weights())));
  std::vector<NamedTensor> moments = named(parameters, "m.", parameters.m());
  for (NamedTensor& v : named(parameters, "v.", parameters.v())) moments.push_back(std::move(v));
  TRY(write_safetensors(writing + "/optimizer.safetensors", moments));
  TRY(write_file(writing + "/state.json", to_json(state).dump(2) + "\n"));
  TRY(sync_folder(writing));
  remove_checkpoint(checkpoints, {state.step, path});
  if (std::rename(writing.c_str(), path.c_str()) != 0)
    return fail(Fault::io, "{}: cannot rename it to {}: {}", writing, path, std::strerror(errno));
  TRY(sync_folder(checkpoints));
  return path;
}

std::vector<CheckpointEntry> list_checkpoints(const std::string& checkpoints) {
  std::vector<CheckpointEntry> entries;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoints, error)) {
    const std::string name = entry.path().filename().string();
    const std::string digits = name.substr(std::min(prefix.size(), name.size()));
    if (!name.starts_with(prefix) || digits.empty() || digits.size() > 18 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      continue;
    entries.push_back({std::stoll(digits), entry.path().string()});
  }
  std::sort(entries.begin(), entries.end(),
            [](const CheckpointEntry& a, const CheckpointEntry& b) { return a.step < b.step; });
  return entries;
}

Result<RunState> load_state(const std::string& checkpoint) {
  const std::string path = checkpoint + "/state.json";
  const json object = TRY(read_json(path));
  const auto wrong = [&](const char* field) {
    return fail(Fault::bad_format, "{}: '{}' is missing or of the wrong type", path, field);
  };
  if (!object.is_object()) return wrong("step");
  for (const char* field : {"step", "n_tokens"})
    if (!object.contains(field) || !object[field].is_number_unsigned()) return wrong(field);
  for (const char* field : {"seconds", "loss"})
    if (!object.contains(field) || !object[field].is_number()) return wrong(field);
  if (!object.contains("config")) return wrong("config");
  RunState state;
  state.step = object["step"].get<int64_t>();
  state.n_tokens = object["n_tokens"].get<int64_t>();
  state.seconds = object["seconds"].get<double>();
  state.loss = object["loss"].get<double>();
  const auto optional = [&](const char* field) -> std::optional<double> {
    const auto it = object.find(field);
    if (it == object.end() || !it->is_number()) return std::nullopt;
    return it->get<double>();
  };
  state.held_out = optional("held_out");
  state.best_held_out = optional("best_held_out");
  state.config = TRY(config_from_json(object["config"], path));
  return state;
}

Result<void> load_parameters(const std::string& checkpoint, const ParameterSet& parameters) {
  const SafetensorsFile weights = TRY(SafetensorsFile::open(checkpoint + "/weights.safetensors"));
  TRY(fill_from(weights, "", parameters, parameters.weights()));
  const SafetensorsFile moments = TRY(SafetensorsFile::open(checkpoint + "/optimizer.safetensors"));
  TRY(fill_from(moments, "m.", parameters, parameters.m()));
  return fill_from(moments, "v.", parameters, parameters.v());
}

void prune_checkpoints(const std::string& checkpoints, int64_t n_keep) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoints, error)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    if (name.starts_with(".writing-") || name.starts_with(".removed-"))
      fs::remove_all(entry.path(), ignored);
  }
  const std::vector<CheckpointEntry> all = list_checkpoints(checkpoints);
  int64_t best = -1;
  double lowest = 0;
  for (const CheckpointEntry& entry : all) {
    const Result<RunState> state = load_state(entry.path);
    if (!state.has_value() || !state->held_out) continue;
    if (best < 0 || *state->held_out < lowest) {
      best = entry.step;
      lowest = *state->held_out;
    }
  }
  for (size_t i = 0; i + static_cast<size_t>(n_keep) < all.size(); ++i)
    if (all[i].step != best) remove_checkpoint(checkpoints, all[i]);
}

}  // namespace quire
