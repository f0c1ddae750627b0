// What the metadata and the tensors of a file say together: which architecture, with which
// hyper-parameters, as which graph; every parameter of the graph is in the file with its shape, and
// nothing is in it that the graph has no use for. Weights are not touched.
#pragma once
#include "base/result.h"
#include "format/gguf.h"
#include "graph/graph.h"
#include "model/arch.h"
#include "model/rope_override.h"

#include <string>
#include <vector>

namespace quire {

struct ModelDescription {
  const Arch* arch = nullptr;
  Hparams hparams;
  Graph graph;
  // One for each of graph.all(Role::parameter), in that order.
  std::vector<TensorView> params;
};

// unsupported names an architecture or a tensor that is not known, bad_format what is missing or
// does not fit.
Result<ModelDescription> describe_model(const GgufFile& file, const RopeOverride& rope = {});

// The description as a graph; `name` begins an error.
Result<Graph> build_graph(const Arch& arch, const Hparams& hparams, const std::string& name);
// The shape of a parameter, which has no symbols.
Shape fixed_shape(const DimShape& dims);

}  // namespace quire
