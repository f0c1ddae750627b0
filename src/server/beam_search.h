// Beam search: of all answers the n that the model thinks likeliest, as far as keeping `width`
// beginnings at a time finds them (use_beam_search, as vLLM has it). Nothing is drawn at random:
//
//   score = ln p(answer) / |answer|^length_penalty          Wu et al. 2016, arXiv:1609.08144, eq.
//   14
//
// without its second term. Each step runs one token of every beginning; what they share is in the
// prompt cache. A beginning that can no longer come among the n best is given up.
#pragma once
#include "server/app.h"
#include "server/fields.h"
#include "server/request_fields.h"

namespace quire::server {

// use_beam_search, best_of (the width, n unless it is given), length_penalty; width 0 when no
// search is asked for. Complains about what a search would have to leave out: what restricts tokens
// or ends answers.
BeamOptions read_beam_options(Fields& fields, const RequestLimits& limits, size_t n);

// `wanted`: the prompt and what a request says of its text; its sampling is not used. One event for
// each answer, the best first, as if it had come in one piece.
ApiResult<std::vector<Generation::Event>> beam_search(ServedModel& model, const HostRequest& wanted,
                                                      const BeamOptions& options,
                                                      Exchange& exchange);

}  // namespace quire::server
