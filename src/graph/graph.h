// A model as a graph: values, and the nodes that make values from values, in the order they run.
//
// Built once with symbolic token counts (GraphBuilder), then walked: printed, differentiated,
// fused, planned, costed, run (device/), printed as C. Plain data; cheap to copy; immutable once
// built.
#pragma once
#include "graph/ops.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

using ValueId = int32_t;
constexpr ValueId no_value = -1;

// A dimension: a number, or one of the two counts that only a batch knows.
struct Dim {
  enum class Symbol : uint8_t {
    none,
    rows,     // T: token rows of this step
    outputs,  // R: rows whose result is wanted
  };
  int64_t n = 0;
  Symbol symbol = Symbol::none;

  Dim(int64_t value) : n(value) {}  // NOLINT(google-explicit-constructor): a number is a dimension
  Dim(Symbol s) : symbol(s) {}      // NOLINT(google-explicit-constructor)
  bool operator==(const Dim&) const = default;
};
constexpr Dim::Symbol dim_T = Dim::Symbol::rows;
constexpr Dim::Symbol dim_R = Dim::Symbol::outputs;

using DimShape = std::vector<Dim>;        // last one contiguous
std::string text(const DimShape& shape);  // "(T, 8, 64)"

// The numbers that a step puts for the symbols.
struct Binding {
  int64_t n_rows = 1;     // T
  int64_t n_outputs = 1;  // R
  int64_t n_past = 0;  // cached positions before the rows of each sequence; only costs depend on it

  int64_t operator()(const Dim& dim) const {
    return dim.symbol == dim_T ? n_rows : dim.symbol == dim_R ? n_outputs : dim.n;
  }
  int64_t n_elements(const DimShape& shape) const;
};

enum class Role : uint8_t {
  input,       // given with each batch: token ids, positions, targets, wanted rows
  parameter,   // weights, in any storage type
  activation,  // computed by a node, f32
  gradient,    // of a parameter, f32, kept and added to over steps
};

struct Value {
  std::string name;  // unique: "blk.0.attn_q.weight", "blk.0.attn_norm"
  DimShape shape;
  Role role = Role::activation;
  ValueId alias_of = no_value;     // a view: the value whose memory this one shares,
  int64_t alias_column = 0;        // from this element of each of its rows on
  ValueId gradient_of = no_value;  // for gradients of parameters
};

struct Node {
  Op op;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
  bool accumulate = false;  // backward nodes: add to the output, which exists already

  template <class T>
  const T& as() const {
    return std::get<T>(attributes);
  }
};

// The inputs every model graph has; targets only where a loss was asked for.
struct GraphInputs {
  ValueId tokens = no_value;     // i32 (T)
  ValueId positions = no_value;  // i32 (T)
  ValueId rows = no_value;     // i32 (R), the rows of which logits are wanted; absent when all are
  ValueId targets = no_value;  // i32 (T), the token that follows, or -1 for "do not count"
  ValueId token_types = no_value;  // i32 (T), which of several texts a token is from (encoders)
};

// What a layer keeps of every position: a key and a value for each of its heads. Zero heads: it
// keeps none.
struct KvLayer {
  int64_t n_heads = 0;  // G
  int64_t k_width = 0;  // E
  int64_t v_width = 0;  // of values, E in most models
  bool operator==(const KvLayer&) const = default;
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> outputs;  // kept alive to the end of a step
  GraphInputs inputs;
  ValueId logits = no_value;  // (R, V), or (T, V) in training; scores (R, labels) of a classifier
  ValueId hidden = no_value;  // (R, D), of an encoder; see graph/hidden.h for other models
  ValueId loss = no_value;    // (T)
  std::vector<KvLayer> kv_layers;  // by AttentionAttributes::layer
  // Floats of each state that a sequence keeps from step to step, by StateAttributes::index. Unlike
  // keys and values it cannot be cut back to an earlier position.
  std::vector<int64_t> state_sizes;

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  // The value whose memory `id` uses: itself unless it is a view.
  ValueId root(ValueId id) const;
  // The element of each of the root's rows at which the rows of `id` start.
  int64_t root_column(ValueId id) const;
  // Elements of a row: the product of all dimensions but the first.
  int64_t row_length(ValueId id) const;
  // By name, or no_value.
  ValueId find(std::string_view name) const;
  // All values of a role, in order of creation.
  std::vector<ValueId> all(Role role) const;
};

// One line per node: "blk.0.attn_q (T, 512) = linear(blk.0.attn_norm, blk.0.attn_q.weight)".
std::string print(const Graph& graph);

}  // namespace quire
