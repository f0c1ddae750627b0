#include "graph/arena.h"

#include <algorithm>
#include <numeric>

namespace quire {
namespace {

constexpr int64_t alignment = 64;  // a cache line, and the widest vector

// A place in the arena, shared by a value, its views, and results written over it.
struct Slot {
  int64_t n_bytes = 0;
  int64_t first = 0, last = 0;  // nodes, both included
  int64_t offset = 0;
};

// Inputs that the kernel of an operation may overwrite with output 0, element by element.
std::vector<size_t> overwritable_inputs(Op op) {
  switch (op) {
    case Op::add:
    case Op::gated:
    case Op::add_rms_norm:
      return {0, 1};
    case Op::activation:
    case Op::scale:
    case Op::adapter_scale:
    case Op::steer:
    case Op::softcap:
    case Op::clamp:
    case Op::rope:
    case Op::rms_norm:
    case Op::layer_norm:
    case Op::cross_entropy_backward:
    case Op::activation_backward:
    case Op::scale_backward:
    case Op::rope_backward:
      return {0};
    default:
      return {};
  }
}

class Planner {
 public:
  Planner(const Graph& graph, const Binding& largest) : graph_(graph), largest_(largest) {}

  ArenaPlan run() {
    find_last_uses();
    make_slots();
    place();
    ArenaPlan plan;
    plan.offset.assign(graph_.values.size(), -1);
    for (size_t v = 0; v < graph_.values.size(); ++v)
      if (slot_of_[v] >= 0) plan.offset[v] = slots_[static_cast<size_t>(slot_of_[v])].offset;
    plan.n_bytes = n_bytes_;
    plan.n_bytes_naive = n_bytes_naive_;
    return plan;
  }

 private:
  static size_t index(ValueId id) { return static_cast<size_t>(id); }

  void find_last_uses() {
    last_use_.assign(graph_.values.size(), -1);
    const auto n_nodes = static_cast<int64_t>(graph_.nodes.size());
    for (int64_t i = 0; i < n_nodes; ++i) {
      const Node& node = graph_.nodes[static_cast<size_t>(i)];
      for (ValueId id : node.inputs) last_use_[index(graph_.root(id))] = i;
      for (ValueId id : node.outputs) last_use_[index(graph_.root(id))] = i;
    }
    for (ValueId id : graph_.outputs) last_use_[index(graph_.root(id))] = n_nodes;
  }

  int64_t value_bytes(ValueId id) const {
    const int64_t n = 4 * largest_.n_elements(graph_.value(id).shape);
    return (n + alignment - 1) / alignment * alignment;
  }

  void make_slots() {
    slot_of_.assign(graph_.values.size(), -1);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      for (size_t o = 0; o < node.outputs.size(); ++o) {
        const ValueId out = node.outputs[o];
        const ValueId root = graph_.root(out);
        if (graph_.value(root).role == Role::activation && slot_of_[index(root)] < 0)
          slot_of_[index(root)] =
              new_slot(node, static_cast<int64_t>(i), root, o == 0 && root == out);
        slot_of_[index(out)] = slot_of_[index(root)];  // a view lives where its root does
      }
    }
  }

  // A place for `root`, which the node at `here` writes first: over an input that dies there if it
  // may, or its own.
  int64_t new_slot(const Node& node, int64_t here, ValueId root, bool may_overwrite) {
    n_bytes_naive_ += value_bytes(root);
    const int64_t over = may_overwrite ? overwritten(node, here, value_bytes(root)) : -1;
    if (over >= 0) {
      Slot& slot = slots_[static_cast<size_t>(over)];
      slot.last = std::max(slot.last, last_use_[index(root)]);
      return over;
    }
    slots_.push_back({value_bytes(root), here, last_use_[index(root)], 0});
    return static_cast<int64_t>(slots_.size()) - 1;
  }

  // The slot of an input that dies at this node and may take the result, or -1.
  int64_t overwritten(const Node& node, int64_t here, int64_t n_bytes) const {
    for (size_t i : overwritable_inputs(node.op)) {
      const ValueId root = graph_.root(node.inputs[i]);
      const int64_t slot = slot_of_[index(root)];
      if (slot < 0 || last_use_[index(root)] != here || value_bytes(root) != n_bytes) continue;
      if (slots_[static_cast<size_t>(slot)].last != here) continue;
      const auto uses = std::count_if(node.inputs.begin(), node.inputs.end(),
                                      [&](ValueId id) { return graph_.root(id) == root; });
      if (uses == 1) return slot;
    }
    return -1;
  }

  void place() {
    std::vector<size_t> order(slots_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return slots_[a].n_bytes > slots_[b].n_bytes; });
    std::vector<size_t> placed;  // by rising offset
    for (size_t s : order) {
      Slot& slot = slots_[s];
      int64_t offset = 0;
      for (size_t p : placed) {
        const Slot& other = slots_[p];
        if (other.last < slot.first || slot.last < other.first) continue;
        if (offset + slot.n_bytes <= other.offset) break;
        offset = std::max(offset, other.offset + other.n_bytes);
      }
      slot.offset = offset;
      n_bytes_ = std::max(n_bytes_, offset + slot.n_bytes);
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), s,
                           [&](size_t a, size_t b) { return slots_[a].offset < slots_[b].offset; }),
          s);
    }
  }

  const Graph& graph_;
  const Binding& largest_;
  std::vector<int64_t> last_use_;  // per root value
  std::vector<int64_t> slot_of_;   // per value
  std::vector<Slot> slots_;
  int64_t n_bytes_ = 0, n_bytes_naive_ = 0;
};

}  // namespace

ArenaPlan plan_arena(const Graph& graph, const Binding& largest) {
  return Planner(graph, largest).run();
}

}  // namespace quire
