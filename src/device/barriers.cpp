// Where the threads must meet. Two accesses to the same bytes, at least one a write, need a barrier
// between them, unless both steps are cut by rows and see the bytes as the same rows: then they
// pass through both in one piece.
#include "device/step.h"

#include <algorithm>

namespace quire {
namespace {

struct Access {
  int64_t begin = 0, end = 0;  // bytes of the arena; gradients of parameters lie beyond it
  bool write = false;
  Cut cut = Cut::rows;
  int64_t row_bytes = 0;
  Dim::Symbol rows = Dim::Symbol::none;

  bool conflicts(const Access& other) const {
    if (end <= other.begin || other.end <= begin) return false;
    if (!write && !other.write) return false;
    const bool same_rows = cut == Cut::rows && other.cut == Cut::rows && begin == other.begin &&
                           row_bytes == other.row_bytes && rows == other.rows;
    return !same_rows;
  }
};

class Barriers {
 public:
  Barriers(const Graph& graph, const std::vector<int64_t>& offsets, const Binding& largest)
      : graph_(graph), offsets_(offsets), largest_(largest) {}

  void place(std::vector<Step>& steps) {
    for (Step& step : steps) {
      const std::vector<Access> now = accesses(step);
      step.barrier_before = attends(step) || any_conflict(now);
      if (step.barrier_before) since_barrier_.clear();
      since_barrier_.insert(since_barrier_.end(), now.begin(), now.end());
    }
  }

 private:
  // Reads the cache that the step before it wrote: memory this analysis does not follow.
  static bool attends(const Step& step) {
    return step.node->op == Op::attention && step.part == Step::Part::whole;
  }

  bool any_conflict(const std::vector<Access>& now) const {
    for (const Access& a : now)
      for (const Access& b : since_barrier_)
        if (a.conflicts(b)) return true;
    return false;
  }

  void add(std::vector<Access>& list, const Step& step, ValueId id, bool write) const {
    const ValueId root = graph_.root(id);
    const Value& value = graph_.value(root);
    Access access;
    access.write = write;
    access.cut = step.cut;
    if (value.role == Role::gradient) {
      access.begin = (int64_t{1} << 48) + root;
      access.end = access.begin + 1;
      access.cut = Cut::tiles;
    } else if (value.role == Role::activation) {
      const int64_t n_bytes = 4 * largest_.n_elements(value.shape);
      access.begin = offsets_[static_cast<size_t>(root)];
      access.end = access.begin + n_bytes;
      access.rows = value.shape[0].symbol;
      const int64_t n_rows = largest_(value.shape[0]);
      access.row_bytes = n_rows == 0 ? 0 : n_bytes / n_rows;
    } else {
      return;  // parameters and inputs are never written
    }
    list.push_back(access);
  }

  // The rows by their experts, beyond all else.
  static void add_groups(std::vector<Access>& list, bool write) {
    Access access;
    access.begin = int64_t{1} << 50;
    access.end = access.begin + 1;
    access.write = write;
    access.cut = Cut::tiles;
    list.push_back(access);
  }

  // The buffer of rounded activations, likewise.
  void add_quantized(std::vector<Access>& list, const Step& step, RowFormat format,
                     bool write) const {
    const ValueId x = step.node->inputs[0];
    Access access;
    access.begin = (int64_t{1} << 49) + static_cast<int64_t>(format);
    access.end = access.begin + 1;
    access.write = write;
    access.cut = step.cut;
    access.row_bytes = graph_.row_length(x);
    access.rows = graph_.value(x).shape[0].symbol;
    list.push_back(access);
  }

  std::vector<Access> accesses(const Step& step) const {
    std::vector<Access> list;
    const Node& node = *step.node;
    if (node.op == Op::expert_linear) add_groups(list, false);
    if (step.part == Step::Part::group) {
      add(list, step, node.outputs[1], false);
      add_groups(list, true);
      return list;
    }
    if (step.part == Step::Part::quantize) {
      add(list, step, node.inputs[0], false);
      add_quantized(list, step, step.format, true);
      return list;
    }
    if (is_product(node.op) && step.part == Step::Part::whole)
      for (size_t format = 0; format < n_row_formats; ++format)
        add_quantized(list, step, static_cast<RowFormat>(format), false);
    if (step.part == Step::Part::gated_rows) {
      add(list, step, node.outputs[0], true);
      add(list, step, node.outputs[1], false);
      return list;
    }
    for (ValueId id : node.inputs) {
      add(list, step, id, false);
      // Picks rows that another thread may have made.
      if (node.op == Op::select_rows && !list.empty()) list.back().cut = Cut::tiles;
    }
    if (step.part == Step::Part::kv_store) return list;
    for (ValueId id : node.outputs) add(list, step, id, true);
    return list;
  }

  const Graph& graph_;
  const std::vector<int64_t>& offsets_;
  const Binding& largest_;
  std::vector<Access> since_barrier_;
};

}  // namespace

void place_barriers(std::vector<Step>& steps, const Graph& graph,
                    const std::vector<int64_t>& offsets, const Binding& largest) {
  Barriers(graph, offsets, largest).place(steps);
}

std::vector<Stage> make_stages(const std::vector<Step>& steps, const Graph& graph,
                               const std::function<bool(size_t)>& watched) {
  std::vector<Stage> stages;
  const auto rows_of = [&](const Step& step) {
    return graph.value(step.node->outputs[0]).shape[0];
  };
  for (size_t s = 0; s < steps.size(); ++s) {
    const Step& step = steps[s];
    const bool alone = watched(s) || (s > 0 && watched(s - 1));
    if (stages.empty() || step.barrier_before || alone) stages.emplace_back();
    std::vector<Stage::Chain>& chains = stages.back().chains;
    const auto same_rows = [&](const Stage::Chain& chain) {
      const Step& first = steps[chain.steps[0]];
      return first.cut == Cut::rows && step.cut == Cut::rows && rows_of(first) == rows_of(step);
    };
    const auto chain = std::ranges::find_if(chains, same_rows);
    if (chain != chains.end())
      chain->steps.push_back(s);
    else
      chains.push_back({.steps = {s}});
  }
  return stages;
}

}  // namespace quire
