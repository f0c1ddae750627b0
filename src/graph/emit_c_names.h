// What the C program calls things: letters for dimensions, buffers for values. Used by
// graph/emit_c.
#pragma once
#include "graph/graph.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quire {

// Which dimensions of a graph are the same one, and their letters.
//
// Every dimension of every value is a slot; operations make slots equal (the width of a norm's
// weight and of its input, ...), and what an operation knows about one slot (the heads of an
// attention, the rows of the token table) names all that are equal to it.
class DimLetters {
 public:
  struct Letter {
    std::string name;
    int64_t n = 0;
    const char* meaning = "";
  };

  // n_ctx: the number that positions are called S for.
  DimLetters(const Graph& graph, int64_t n_ctx);

  // "D", "H * E", or the number when nothing is known about it.
  std::string of(ValueId id, size_t dim) const;
  // All dimensions but the rows of a batch: "(H, E)"; of parameters, all.
  std::string shape(ValueId id) const;
  // Product of the same.
  std::string product(ValueId id) const;
  // Where a value begins in the memory it shares: "", or " + 2 * H * E".
  std::string offset(ValueId id) const;
  const std::vector<Letter>& letters() const { return letters_; }

 private:
  size_t slot(ValueId id, size_t dim) const;
  void same(ValueId a, size_t dim_a, ValueId b, size_t dim_b);
  void same_shape(ValueId a, ValueId b);
  void unify(const Node& node);
  void name_known(const Node& node);
  void name_views(const Node& node);
  void give(ValueId id, size_t dim, const std::string& letter, const char* meaning);
  std::vector<size_t> dims(ValueId id) const;  // without the rows of a batch

  const Graph& graph_;
  int64_t n_ctx_;
  std::vector<size_t> first_slot_, parent_;
  std::map<size_t, std::string> names_;  // by root slot
  std::vector<Letter> letters_;
};

// Which values share memory when one row runs at a time, and under what name.
class CBuffers {
 public:
  struct Buffer {
    std::string name;
    ValueId shown = no_value;  // the value whose shape says most
  };

  explicit CBuffers(const Graph& graph);

  const std::string& name(ValueId id) const { return buffers_[index(id)].name; }
  bool share(ValueId a, ValueId b) const { return group(a) == group(b); }
  const std::vector<Buffer>& all() const { return buffers_; }

 private:
  size_t group(ValueId id) const;
  size_t index(ValueId id) const { return index_.at(group(id)); }
  void merge_aliases();
  void find_lives();
  void merge_in_place();
  void give_names();

  const Graph& graph_;
  std::vector<size_t> parent_;
  std::vector<int> first_, last_;  // nodes that write and read a group first and last
  std::map<size_t, size_t> index_;
  std::vector<Buffer> buffers_;
};

// "blk.3.attn_q.weight" -> layer 3, "attn_q"; "output.bias" -> layer -1, "output_bias".
struct CName {
  int layer = -1;
  std::string text;
};
CName c_name(const std::string& value_name);

bool works_in_place(Op op);  // may write over its first input (or any, add)
bool is_hoisted(Op op);      // runs before all others: needs nothing but the position
bool is_alias(Op op);        // makes no numbers of its own when one row runs

}  // namespace quire
