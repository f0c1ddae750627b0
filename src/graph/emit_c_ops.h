// The C text of every operation: the function that computes it and the statement that calls it.
// Used by graph/emit_c.
#pragma once
#include "base/result.h"
#include "graph/emit_c.h"
#include "graph/emit_c_names.h"

#include <string>
#include <vector>

namespace quire {

// What is the same in the whole program.
struct CContext {
  const Graph& graph;
  const DimLetters& letters;
  const CBuffers& buffers;
  EmitOptions options;
  bool linear_bias = false;       // some linear has a bias
  bool attention_window = false;  // some attention looks at a window only
  bool attention_softcap = false;
  std::vector<const RopeFrequencies*> rope_tables;  // different ones
};
Result<CContext> c_context(const Graph& graph, const DimLetters& letters, const CBuffers& buffers,
                           const EmitOptions& options);

// One statement of forward(), several lines where a copy is needed; empty for nodes that cost
// nothing. `layer` stands for the index of the node's layer: "l", or a number.
std::string c_statement(const CContext& context, const Node& node, const std::string& layer);

// The functions of all operations that occur, in the order of ops.inc, each under its formula.
std::string c_operations(const CContext& context);
// static const double rope_freq[] = { ... };
std::string c_rope_tables(const CContext& context);

// 1e-05f, 1.0f
std::string c_float(float value);

}  // namespace quire
