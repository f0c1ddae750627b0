// Drafts: guesses of what a sequence goes on with, to be checked many at a time.
//
// A drafter proposes tokens; the model runs them all in one step, which costs little more than one
// token where reading the weights is what takes time; the sampler then looks at the rows in order
// and goes on as long as what it draws is what was guessed. Every token is drawn from the model's
// own logits after exactly the tokens before it, with the same random numbers as without drafts, so
// the text is the same one. (For drafts that are certain guesses, as these are, this is the
// acceptance rule of Leviathan et al. 2023, arXiv:2211.17192, theorem 3.5: accepted with the
// probability p(guess), and otherwise drawn from what p leaves beside it.)
#pragma once
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace quire {

class Model;
struct RunnerOptions;

// What is asked for one sequence.
struct DraftRequest {
  int32_t sequence = 0;
  std::span<const int32_t> tokens;  // prompt and answer so far
  int64_t n_max = 0;                // at most so many guesses
  int64_t n_looked_at = 0;          // the last so many tokens are enough to guess from; 0: all
  std::vector<int32_t> draft;       // the answer
};

// Belongs to one engine. May keep what it knows about a sequence from call to call; a sequence
// whose tokens do not begin with those of the last call is another one.
class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual Result<void> draft(std::span<DraftRequest> requests) = 0;
  // What it keeps of this sequence is not for whom the next tokens are: it knows nothing of them.
  virtual void forget(int32_t sequence) = 0;
  // Tokens that it would have to read first, beside the last one.
  virtual int64_t n_unread(const DraftRequest&) const { return 0; }
  // What a guess may cost, in steps of the model, before it was measured.
  virtual double guess_cost() const { return 1; }
  virtual const char* name() const = 0;
  virtual int64_t memory_bytes() const { return 0; }  // of a model and its cache
};

// Where the last tokens have stood before, what followed them then (prompt lookup, Saxena 2023;
// Yang et al. 2023, arXiv:2304.04487).
std::unique_ptr<Drafter> make_lookup_drafter(int32_t n_sequences);

// A smaller model with the same vocabulary guesses its likeliest token, and stops where that one
// has a probability below p_min. A shared cache (n_pool) that is full of sequences asked about
// means no guesses for the others. options: of its runner, as many sequences as the engine has.
// unsupported when the vocabularies differ.
Result<std::unique_ptr<Drafter>> make_model_drafter(std::shared_ptr<const Model> draft,
                                                    const Model& target,
                                                    const RunnerOptions& options, double p_min);

}  // namespace quire
