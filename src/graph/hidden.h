// The hidden state of a model: what its last matrix makes logits of, one row of D numbers for each
// token. Embeddings are pooled from it.
#pragma once
#include "graph/graph.h"

namespace quire {

// graph.hidden; in a model that only names its logits, what the matrix reads that makes them.
// no_value when there is neither.
ValueId hidden_value(const Graph& graph);
// The graph without what follows its hidden state, which becomes its output. CHECKs that there is
// one.
Graph up_to_hidden(Graph graph);

}  // namespace quire
