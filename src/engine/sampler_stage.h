// A sampler: one step between the logits and the draw. To add one: a file sampler_NAME.cpp that
// defines make_NAME(), a line in samplers.inc, its settings in SamplingParams.
#pragma once
#include "engine/candidates.h"
#include "engine/sampling_params.h"

#include <memory>

namespace quire {

class Tokenizer;

// Belongs to one sequence.
class SamplerStage {
 public:
  virtual ~SamplerStage() = default;
  // Changes logits or leaves candidates out, never all of them.
  virtual void apply(Candidates& candidates, Rng& rng) = 0;
  // A token of the sequence, of the prompt or drawn, in order.
  virtual void accept(int32_t /*token*/) {}
  // Whether it leaves candidates out by how likely they are: such ones do nothing to the likeliest,
  // and nothing when mirostat is on.
  virtual bool truncates() const { return true; }
};

// Null when the settings say that it does nothing. The tokenizer is that of the model, null where
// there is none (then dry knows no breakers).
#define SAMPLER(function, name, letter)                                       \
  std::unique_ptr<SamplerStage> make_##function(const SamplingParams& params, \
                                                const Tokenizer* tokenizer);
#include "engine/samplers.inc"
#undef SAMPLER

}  // namespace quire
