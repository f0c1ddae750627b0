#include "graph/emit_c.h"

#include "graph/emit_c_names.h"
#include "graph/emit_c_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quire {
namespace {

constexpr size_t columns_max = 100;

// One line with its comment at a column, or two spaces behind it where it is longer.
std::string with_comment(std::string line, const std::string& comment, size_t column) {
  line.resize(std::max(line.size() + 2, column), ' ');
  return line + "// " + comment + "\n";
}

// Breaks a call that is too long behind a comma, and goes on below its first argument.
std::string wrapped(std::string line) {
  const size_t open = line.find('(');
  if (line.size() <= columns_max || open == std::string::npos) return line;
  const size_t comma = line.rfind(", ", columns_max - 2);
  if (comma == std::string::npos || comma < open) return line;
  return line.substr(0, comma + 1) + "\n" +
         wrapped(std::string(open + 1, ' ') + line.substr(comma + 2));
}

std::string indented(const std::string& text, int n_spaces) {
  std::string out(static_cast<size_t>(n_spaces), ' ');
  for (char c : text) {
    out += c;
    if (c == '\n') out.append(static_cast<size_t>(n_spaces), ' ');
  }
  return out;
}

// Parameters: their place in the struct and the order of the file.

struct Member {
  std::string name, shape, bind;
  ValueId id = no_value;
};

struct Members {
  std::vector<Member> before, after;  // outside of layers
  std::vector<std::vector<Member>> layers;
  bool same_layers() const {
    return std::ranges::all_of(layers, [&](const auto& layer) {
      return std::ranges::equal(layer, layers[0], [](const Member& a, const Member& b) {
        return a.name == b.name && a.bind == b.bind;
      });
    });
  }
};

class Emitter {
 public:
  Emitter(const Graph& graph, const CContext& context) : graph_(graph), context_(context) {
    find_matrices();
    collect_members();
    collect_statements();
  }

  CModel emit() {
    CModel model;
    model.sizes = sizes();
    model.weights = weights();
    model.buffers = buffers();
    model.operations = c_operations(context_);
    model.forward = forward();
    model.bind = bind();
    for (const Member& member : members_.before) add_parameter(model, member);
    for (const auto& layer : members_.layers)
      for (const Member& member : layer) add_parameter(model, member);
    for (const Member& member : members_.after) add_parameter(model, member);
    for (const Node& node : graph_.nodes)
      if (node.op == Op::attention) model.cache_elements = context_.letters.product(node.inputs[1]);
    return model;
  }

 private:
  struct Statement {
    const Node* node = nullptr;
    int layer = -1;
    std::string text, shape;  // text: as in a loop over l
    bool opens = false;       // a norm opens a paragraph
  };

  static constexpr size_t shape_column = 84;

  bool bf16() const { return context_.options.matrix == CMatrix::bf16; }
  const char* type(ValueId id) const { return bf16() && matrices_.contains(id) ? "bf16" : "float"; }

  // What embed and linear read may be bf16; a table read by anything else is f32.
  void find_matrices() {
    for (const Node& node : graph_.nodes) {
      if (node.op == Op::embed) matrices_.insert(node.inputs[0]);
      if (node.op == Op::linear) matrices_.insert(node.inputs[1]);
    }
  }

  void collect_members() {
    for (ValueId id : graph_.all(Role::parameter)) {
      const CName name = c_name(graph_.value(id).name);
      std::string take;
      if (matrices_.contains(id))
        take = fmt::format("take_matrix({}, {})", context_.letters.of(id, 0),
                           context_.letters.of(id, 1));
      else
        take = fmt::format("take_vector({})", context_.letters.product(id));
      Member member{name.text, context_.letters.shape(id), take, id};
      if (name.layer < 0) {
        append(members_.layers.empty() ? members_.before : members_.after, std::move(member));
        continue;
      }
      const auto layer = static_cast<size_t>(name.layer);
      if (members_.layers.size() <= layer) members_.layers.resize(layer + 1);
      append(members_.layers[layer], std::move(member));
    }
  }

  // A weight goes before its bias, whichever the architecture names first.
  static void append(std::vector<Member>& members, Member member) {
    const bool swap = !members.empty() && members.back().name == member.name + "_bias";
    members.insert(swap ? members.end() - 1 : members.end(), std::move(member));
  }

  void collect_statements() {
    for (int pass = 0; pass < 2; ++pass)
      for (const Node& node : graph_.nodes) {
        if (is_hoisted(node.op) != (pass == 0)) continue;
        const ValueId out = node.outputs[0];
        Statement statement;
        statement.node = &node;
        statement.layer = c_name(graph_.value(out).name).layer;
        statement.text = c_statement(context_, node, "l");
        if (statement.text.empty()) continue;
        statement.shape = context_.letters.shape(out);
        statement.opens = node.op == Op::rms_norm || node.op == Op::layer_norm;
        if (pass == 0) statement.opens = false;
        statements_.push_back(std::move(statement));
      }
  }

  // The statements of all layers read the same, one layer after the other.
  bool is_loop() const {
    int layer = -1;
    std::vector<std::vector<std::string>> texts;
    for (const Statement& statement : statements_) {
      if (statement.layer < 0) {
        if (!texts.empty()) layer = -2;  // layers are over
        continue;
      }
      if (layer == -2 || statement.layer < layer || statement.layer > layer + 1) return false;
      if (statement.layer != layer) texts.emplace_back();
      layer = statement.layer;
      texts.back().push_back(statement.text);
    }
    return members_.same_layers() && texts.size() == members_.layers.size() && texts.size() > 1 &&
           std::ranges::all_of(texts, [&](const auto& text) { return text == texts[0]; });
  }

  std::string sizes() const {
    static constexpr const char* order = "VDLHGEFS";
    auto letters = context_.letters.letters();
    letters.push_back({"L", static_cast<int64_t>(members_.layers.size()), "layers"});
    std::erase_if(letters, [](const DimLetters::Letter& letter) { return letter.name == "S"; });
    letters.push_back({"S", context_.options.n_ctx, "positions"});
    std::ranges::sort(letters, {}, [](const DimLetters::Letter& letter) {
      return std::pair(std::string_view(order).find(letter.name[0]), letter.name);
    });
    std::string out = "enum {\n";
    for (const auto& letter : letters)
      out += with_comment(fmt::format("    {} = {},", letter.name, letter.n), letter.meaning, 18);
    return out + "};\n";
  }

  std::string member_lines(const std::vector<Member>& members, const std::string& indent) const {
    std::string out;
    for (const Member& member : members)
      out += with_comment(fmt::format("{}const {} *{};", indent, type(member.id), member.name),
                          member.shape, member_column());
    return out;
  }
  size_t member_column() const {
    size_t longest = 0;
    for (ValueId id : graph_.all(Role::parameter)) {
      const CName name = c_name(graph_.value(id).name);
      longest = std::max(longest, name.text.size() + (name.layer < 0 ? 4 : 8));
    }
    return longest + std::string_view("const float *;  ").size();
  }

  std::string weights() const {
    std::string out;
    if (bf16()) out += "typedef uint16_t bf16;  // the upper half of a float\n\n";
    out += "static struct {\n" + member_lines(members_.before, "    ");
    if (!members_.layers.empty()) {
      // Of layers that differ, every member that some layer has.
      std::vector<Member> all;
      for (const auto& layer : members_.layers)
        for (const Member& member : layer)
          if (std::ranges::find(all, member.name, &Member::name) == all.end())
            all.push_back(member);
      out += "    struct {\n" + member_lines(all, "        ") + "    } blk[L];\n";
    }
    return out + member_lines(members_.after, "    ") + "} w;\n";
  }

  std::string buffers() const {
    std::string out;
    size_t column = 36;
    for (const auto& buffer : context_.buffers.all())
      column = std::max(column, buffer.name.size() + context_.letters.product(buffer.shown).size() +
                                    std::string_view("static float [];  ").size());
    for (const auto& buffer : context_.buffers.all())
      out += with_comment(
          fmt::format("static float {}[{}];", buffer.name, context_.letters.product(buffer.shown)),
          context_.letters.shape(buffer.shown), column);
    const Node* attention = nullptr;
    for (const Node& node : graph_.nodes)
      if (node.op == Op::attention) attention = &node;
    if (attention != nullptr) {
      const ValueId k = attention->inputs[1];
      const std::string row =
          fmt::format("{}, {}", context_.letters.of(k, 1), context_.letters.of(k, 2));
      out += "\nstatic int n_ctx;  // positions in the cache, at most S\n";
      out += with_comment("static float *k_cache, *v_cache;", fmt::format("(L, n_ctx, {})", row),
                          column);
      out += with_comment("static float *scores;", "(n_ctx), of one head", column);
    }
    const std::string tables = c_rope_tables(context_);
    return tables.empty() ? out : out + "\n" + tables;
  }

  // A statement of forward(), with the shape of what it makes where the line has room.
  std::string lines(const Statement& statement, int n_spaces, const std::string& index) const {
    std::string out;
    std::string text = indented(c_statement(context_, *statement.node, index), n_spaces);
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      out += wrapped(text.substr(begin, end - begin)) + "\n";
      begin = end + 1;
    }
    out.pop_back();
    const size_t last = out.rfind('\n') + 1;  // 0 when there is only one line
    const std::string line = with_comment(out.substr(last), statement.shape, shape_column);
    if (line.size() - 1 > columns_max) return out + "\n";
    return out.substr(0, last) + line;
  }

  std::string forward() const {
    std::string out =
        "// Runs one token at position pos; returns the logits (V) of the token after it.\n"
        "static float *forward(int token, int pos) {\n";
    const bool loop = is_loop();
    int layer = -1;
    bool first = true, in_loop = false;
    for (const Statement& statement : statements_) {
      if (loop && statement.layer > 0) continue;  // layer 0 stands for all
      if (loop && statement.layer == 0 && !in_loop) {
        out += "\n    for (int l = 0; l < L; l++) {\n";
        in_loop = first = true;
      }
      if (in_loop && statement.layer < 0) {
        out += "    }\n";
        in_loop = false;
      }
      if (!loop && statement.layer >= 0 && statement.layer != layer)
        out += fmt::format("\n    // Layer {}.\n", statement.layer), first = true;
      if (statement.opens && !first) out += "\n";
      layer = statement.layer;
      first = false;
      out += lines(statement, in_loop ? 8 : 4, in_loop ? "l" : fmt::format("{}", layer));
    }
    if (in_loop) out += "    }\n";
    return out + fmt::format("    return {};\n}}\n", context_.buffers.name(graph_.logits));
  }

  std::string bind() const {
    const auto line = [](const std::string& where, const Member& member) {
      return fmt::format("{}.{} = {};\n", where, member.name, member.bind);
    };
    std::string out;
    for (const Member& member : members_.before) out += "    " + line("w", member);
    if (members_.layers.size() > 1 && members_.same_layers()) {
      out += "    for (int l = 0; l < L; l++) {\n";
      for (const Member& member : members_.layers[0]) out += "        " + line("w.blk[l]", member);
      out += "    }\n";
    } else {
      for (size_t l = 0; l < members_.layers.size(); ++l)
        for (const Member& member : members_.layers[l])
          out += "    " + line(fmt::format("w.blk[{}]", l), member);
    }
    for (const Member& member : members_.after) out += "    " + line("w", member);
    return out;
  }

  void add_parameter(CModel& model, const Member& member) const {
    const bool small = bf16() && matrices_.contains(member.id);
    model.parameters.push_back({member.id, small ? CMatrix::bf16 : CMatrix::f32});
  }

  const Graph& graph_;
  const CContext& context_;
  std::set<ValueId> matrices_;
  Members members_;
  std::vector<Statement> statements_;
};

}  // namespace

Result<CModel> emit_c(const Graph& graph, const EmitOptions& options) {
  if (graph.logits == no_value)
    return fail(Fault::unsupported, "a graph without logits cannot be printed as C");
  const DimLetters letters(graph, options.n_ctx);
  const CBuffers buffers(graph);
  const CContext context = TRY(c_context(graph, letters, buffers, options));
  return Emitter(graph, context).emit();
}

}  // namespace quire
