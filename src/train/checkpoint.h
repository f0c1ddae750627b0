// Checkpoints of a training run.
//
//   DIR/checkpoints/step-00001000/weights.safetensors    every parameter, f32
//                                 optimizer.safetensors  "m.NAME" and "v.NAME", f32
//                                 state.json             step, position in the data, seed, config,
//                                                        metrics so far
//
// A checkpoint is written under another name and renamed when it is whole and on disk, so that a
// process killed at any moment leaves only whole ones, and a name that begins with "step-" is
// always one of these. Random numbers need no state of their own: everything drawn is a function of
// the seed and the step.
#pragma once
#include "base/result.h"
#include "train/config.h"
#include "train/parameters.h"

#include <optional>
#include <string>
#include <vector>

namespace quire {

// What there is beside the arrays.
struct RunState {
  int64_t step = 0;  // steps done
  TrainConfig config;
  int64_t n_tokens = 0;                 // seen so far
  double seconds = 0;                   // trained so far, over all sessions
  double loss = 0;                      // of the last step
  std::optional<double> held_out;       // the last evaluation, nats per token
  std::optional<double> best_held_out;  // the lowest so far
};

// Writes the checkpoint of `state.step` and returns its folder. io when the disk says no; then
// nothing has changed.
Result<std::string> save_checkpoint(const std::string& checkpoints, const RunState& state,
                                    const ParameterSet& parameters);

struct CheckpointEntry {
  int64_t step = 0;
  std::string path;
};
// Whole checkpoints in a folder, by rising step; none when there is no such folder.
std::vector<CheckpointEntry> list_checkpoints(const std::string& checkpoints);

// bad_format when damaged.
Result<RunState> load_state(const std::string& checkpoint);
// Fills weights and moments. bad_format when a parameter is missing or has another shape.
Result<void> load_parameters(const std::string& checkpoint, const ParameterSet& parameters);

// Removes what a killed process left, and all checkpoints but the newest n_keep and the one with
// the lowest held-out loss.
void prune_checkpoints(const std::string& checkpoints, int64_t n_keep);

}  // namespace quire
