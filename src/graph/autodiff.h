// Reverse-mode differentiation: adds to a training graph (one with a loss) the nodes that compute
// the gradient of the MEAN loss over counted targets in every parameter asked for.
//
// Walks the forward nodes backwards, one rule per operation. A value used twice gets its second
// gradient added to the first. Parameter gradients become values of Role::gradient named
// "grad:NAME"; their memory is the trainer's and is added to, so that micro-batches accumulate.
#pragma once
#include "base/result.h"
#include "graph/graph.h"

#include <functional>

namespace quire {

// wanted(name): whether the parameter of that name is trained; all when empty.
// unsupported when a node on the way from a wanted parameter to the loss has no backward rule.
Result<Graph> differentiate(Graph graph, const std::function<bool(std::string_view)>& wanted = {});

}  // namespace quire
