#include "graph/emit_c_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <numeric>
#include <set>

namespace quire {
namespace {

size_t find_root(const std::vector<size_t>& parent, size_t i) {
  while (parent[i] != i) i = parent[i];
  return i;
}

}  // namespace

CName c_name(const std::string& value_name) {
  CName name;
  std::string rest = value_name;
  if (rest.starts_with("blk.")) {
    char* end = nullptr;
    const long layer = std::strtol(rest.c_str() + 4, &end, 10);
    if (end != rest.c_str() + 4 && *end == '.' && layer >= 0 && layer < INT_MAX) {
      name.layer = static_cast<int>(layer);
      rest = end + 1;
    }
  }
  if (rest.ends_with(".weight")) rest.resize(rest.size() - 7);
  for (char c : rest) name.text += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

bool works_in_place(Op op) {
  return op == Op::rope || op == Op::add || op == Op::activation || op == Op::gated ||
         op == Op::scale || op == Op::softcap;
}

bool is_alias(Op op) { return op == Op::view || op == Op::columns || op == Op::select_rows; }

bool is_hoisted(Op op) { return op == Op::rope_table; }

// Dimensions.

DimLetters::DimLetters(const Graph& graph, int64_t n_ctx) : graph_(graph), n_ctx_(n_ctx) {
  for (const Value& value : graph.values) {
    first_slot_.push_back(parent_.size());
    for (size_t d = 0; d < value.shape.size(); ++d) parent_.push_back(parent_.size());
  }
  for (const Node& node : graph.nodes) unify(node);
  for (const Node& node : graph.nodes) name_known(node);
  if (graph.logits != no_value) give(graph.logits, 1, "V", "vocabulary");
  for (int pass = 0; pass < 2; ++pass)  // columns know their width from the views of them
    for (const Node& node : graph.nodes) name_views(node);
  for (const Node& node : graph.nodes)
    if (node.op == Op::linear) give(node.outputs[0], 1, "F", "feed-forward width");
}

size_t DimLetters::slot(ValueId id, size_t dim) const {
  return find_root(parent_, first_slot_[static_cast<size_t>(id)] + dim);
}

void DimLetters::same(ValueId a, size_t dim_a, ValueId b, size_t dim_b) {
  parent_[slot(a, dim_a)] = slot(b, dim_b);
}

std::vector<size_t> DimLetters::dims(ValueId id) const {
  std::vector<size_t> found;
  const DimShape& shape = graph_.value(id).shape;
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d].symbol == Dim::Symbol::none) found.push_back(d);
  return found;
}

void DimLetters::same_shape(ValueId a, ValueId b) {
  for (size_t d : dims(a)) same(a, d, b, d);
}

void DimLetters::unify(const Node& node) {
  const ValueId out = node.outputs[0], x = node.inputs[0];
  const auto last = [&](ValueId id) { return graph_.value(id).shape.size() - 1; };
  switch (node.op) {
    case Op::embed:
      same(x, 1, out, 1);
      break;
    case Op::rms_norm:
    case Op::layer_norm:
      same_shape(out, x);
      for (size_t i = 1; i < node.inputs.size(); ++i) {
        const ValueId w = node.inputs[i];
        same(w, last(w), x, last(x));
        if (last(w) > 0) same(w, 0, x, 1);  // a weight for each head
      }
      break;
    case Op::linear:
      same(node.inputs[1], 1, x, 1);
      same(node.inputs[1], 0, out, 1);
      if (node.inputs.size() > 2) same(node.inputs[2], 0, out, 1);
      break;
    case Op::attention: {
      const ValueId k = node.inputs[1];
      if (graph_.value(k).shape != graph_.value(node.inputs[2]).shape) break;  // refused later
      same_shape(out, x);
      same_shape(k, node.inputs[2]);
      same(k, 2, x, 2);
      if (graph_.value(k).shape[1] == graph_.value(x).shape[1]) same(k, 1, x, 1);
      break;
    }
    case Op::add:
    case Op::gated:
      same_shape(node.inputs[1], x);
      same_shape(out, x);
      break;
    case Op::rope: {
      const ValueId table = node.inputs[1];
      same_shape(out, x);
      if (graph_.value(table).shape[1] == graph_.value(x).shape[2]) same(table, 1, x, 2);
      break;
    }
    case Op::activation:
    case Op::scale:
    case Op::softcap:
    case Op::select_rows:
      same_shape(out, x);
      break;
    case Op::view:
      if (graph_.value(out).shape.size() == graph_.value(x).shape.size() &&
          graph_.value(out).shape == graph_.value(x).shape)
        same_shape(out, x);
      break;
    default:
      break;
  }
}

void DimLetters::name_known(const Node& node) {
  const ValueId x = node.inputs[0];
  if (node.op == Op::embed) {
    if (node.inputs[1] == graph_.inputs.tokens) give(x, 0, "V", "vocabulary");
    if (node.inputs[1] == graph_.inputs.positions && graph_.value(x).shape[0].n == n_ctx_)
      give(x, 0, "S", "positions");
    give(x, 1, "D", "model width");
  }
  if (node.op == Op::attention) {
    give(x, 1, "H", "query heads");
    give(node.inputs[1], 1, "G", "key and value heads");
    give(x, 2, "E", "head width");
  }
}

// (T, n) seen as (T, a, b), or the other way round: n is a * b. A value of several equal columns
// has so many times their width.
void DimLetters::name_views(const Node& node) {
  if (node.op == Op::columns) {
    const ValueId x = node.inputs[0], part = node.outputs[0];
    const int64_t n = graph_.value(part).shape[1].n, n_all = graph_.value(x).shape[1].n;
    if (names_.contains(slot(part, 1)) && n_all % n == 0)
      names_.emplace(slot(x, 1), fmt::format("{} * {}", n_all / n, of(part, 1)));
    return;
  }
  if (node.op != Op::view) return;
  ValueId flat = node.inputs[0], deep = node.outputs[0];
  if (graph_.value(flat).shape.size() > graph_.value(deep).shape.size()) std::swap(flat, deep);
  if (dims(flat).size() == 1 && dims(deep).size() == 2) {
    const size_t root = slot(flat, dims(flat)[0]);
    names_.emplace(root, product(deep));
  }
}

void DimLetters::give(ValueId id, size_t dim, const std::string& letter, const char* meaning) {
  const size_t root = slot(id, dim);
  if (names_.contains(root)) return;
  const int64_t n = graph_.value(id).shape[dim].n;
  for (int attempt = 1;; ++attempt) {
    const std::string name = attempt == 1 ? letter : fmt::format("{}{}", letter, attempt);
    const auto known = std::ranges::find(letters_, name, &Letter::name);
    if (known != letters_.end() && known->n != n) continue;  // taken by another number
    if (known == letters_.end()) letters_.push_back({name, n, meaning});
    names_[root] = name;
    return;
  }
}

std::string DimLetters::of(ValueId id, size_t dim) const {
  const auto name = names_.find(slot(id, dim));
  return name != names_.end() ? name->second : fmt::format("{}", graph_.value(id).shape[dim].n);
}

std::string DimLetters::shape(ValueId id) const {
  std::string out;
  for (size_t d : dims(id)) out += fmt::format("{}{}", out.empty() ? "" : ", ", of(id, d));
  return fmt::format("({})", out);
}

std::string DimLetters::product(ValueId id) const {
  std::string out;
  for (size_t d : dims(id)) out += fmt::format("{}{}", out.empty() ? "" : " * ", of(id, d));
  return out.empty() ? "1" : out;
}

std::string DimLetters::offset(ValueId id) const {
  const int64_t begin = graph_.root_column(id);
  if (begin == 0) return "";
  int64_t n = 1;
  for (size_t d : dims(id)) n *= graph_.value(id).shape[d].n;
  if (begin % n != 0) return fmt::format(" + {}", begin);
  if (begin == n) return " + " + product(id);
  return fmt::format(" + {} * {}", begin / n, product(id));
}

// Buffers.

CBuffers::CBuffers(const Graph& graph)
    : graph_(graph),
      parent_(graph.values.size()),
      first_(graph.values.size(), INT_MAX),
      last_(graph.values.size(), -1) {
  std::iota(parent_.begin(), parent_.end(), size_t{0});
  merge_aliases();
  find_lives();
  merge_in_place();
  give_names();
}

size_t CBuffers::group(ValueId id) const { return find_root(parent_, static_cast<size_t>(id)); }

void CBuffers::merge_aliases() {
  for (const Node& node : graph_.nodes)
    if (is_alias(node.op)) parent_[group(node.outputs[0])] = group(node.inputs[0]);
}

void CBuffers::find_lives() {
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const int now = static_cast<int>(i);
    for (ValueId id : graph_.nodes[i].inputs) last_[group(id)] = std::max(last_[group(id)], now);
    for (ValueId id : graph_.nodes[i].outputs) {
      first_[group(id)] = std::min(first_[group(id)], is_hoisted(graph_.nodes[i].op) ? -1 : now);
      last_[group(id)] = std::max(last_[group(id)], now);
    }
  }
  for (ValueId id : graph_.outputs) last_[group(id)] = INT_MAX;
}

// The result goes over the input that dies here; of two, over the one that has lived longer: that
// is the residual stream.
void CBuffers::merge_in_place() {
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (!works_in_place(node.op)) continue;
    const size_t n_candidates = node.op == Op::add ? 2 : 1;
    const size_t out = group(node.outputs[0]);
    size_t target = out;
    for (size_t c = 0; c < n_candidates; ++c) {
      const size_t in = group(node.inputs[c]);
      if (graph_.value(node.inputs[c]).role != Role::activation ||
          last_[in] != static_cast<int>(i) || graph_.root_column(node.inputs[c]) != 0)
        continue;
      if (target == out || first_[in] < first_[target]) target = in;
    }
    if (target == out) continue;
    parent_[out] = target;
    last_[target] = last_[out];
  }
}

void CBuffers::give_names() {
  // What the program calls other things.
  static const std::set<std::string> reserved = {
      "w",       "token",      "pos",   "l",       "add",      "scale",      "softcap",
      "rope",    "rope_table", "embed", "linear",  "softmax",  "dot",        "copy",
      "scores",  "attention",  "gated", "n_ctx",   "rms_norm", "layer_norm", "k_cache",
      "v_cache", "silu",       "relu",  "sigmoid", "text"};
  struct Use {
    int first, last;
    DimShape shape;
  };
  std::map<std::string, std::vector<Use>> uses;
  std::map<std::string, size_t> by_name;
  for (const Node& node : graph_.nodes) {
    const ValueId id = node.outputs[0];
    const size_t g = group(id);
    if (const auto known = index_.find(g); known != index_.end()) {
      // Show the shape with the most dimensions; columns are only a part.
      Buffer& buffer = buffers_[known->second];
      const DimShape &mine = graph_.value(id).shape, &shown = graph_.value(buffer.shown).shape;
      if (mine.size() > shown.size() && Binding{}.n_elements(mine) == Binding{}.n_elements(shown))
        buffer.shown = id;
      continue;
    }
    const bool stream = node.op == Op::embed && node.inputs[1] == graph_.inputs.tokens;
    const std::string base = stream                      ? "x"
                             : node.op == Op::rope_table ? "turns"
                                                         : c_name(graph_.value(id).name).text;
    Binding one;
    const auto fits = [&](const std::string& name) {
      if (reserved.contains(name) || (std::isdigit(static_cast<unsigned char>(name[0])) != 0))
        return false;
      return std::ranges::all_of(uses[name], [&](const Use& use) {
        return (use.last < first_[g] || last_[g] < use.first) &&
               one.n_elements(use.shape) == one.n_elements(graph_.value(id).shape);
      });
    };
    std::string name = base;
    for (int i = 1; !fits(name); ++i) name = i == 1 ? base + "_out" : fmt::format("{}_{}", base, i);
    uses[name].push_back({first_[g], last_[g], graph_.value(id).shape});
    const auto [entry, is_new] = by_name.emplace(name, buffers_.size());
    if (is_new) buffers_.push_back({name, id});
    index_[g] = entry->second;
  }
}

}  // namespace quire
