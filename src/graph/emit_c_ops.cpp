#include "graph/emit_c_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace quire {
namespace {

// Replaces every @NAME@ of a text.
std::string fill(std::string text,
                 std::initializer_list<std::pair<const char*, std::string>> names) {
  for (const auto& [name, value] : names) {
    const std::string mark = fmt::format("@{}@", name);
    for (size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  }
  return text;
}

bool uses(const Graph& graph, Op op) {
  return std::ranges::any_of(graph.nodes, [op](const Node& node) { return node.op == op; });
}

const Node* first(const Graph& graph, Op op) {
  const auto node = std::ranges::find(graph.nodes, op, &Node::op);
  return node == graph.nodes.end() ? nullptr : &*node;
}

std::string number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

// Texts. Every function works on one row.

const char* const bf16_text = R"c(// bfloat16 is the upper half of a float.
static float f32(bf16 x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

)c";

const char* const embed_text = R"c(// y = table[id]
static void embed(float *y, const @MATRIX@ *table, int id, int n) {
    const @MATRIX@ *row = table + (size_t)id * n;
    for (int i = 0; i < n; i++) y[i] = @READ@;
}

)c";

const char* const rms_norm_text = R"c(// y[i] = x[i] * w[i] / sqrt(mean(x^2) + eps)
static void rms_norm(float *y, const float *x, const float *w, int n, float eps) {
    float sum = 0.0f;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    float r = 1.0f / sqrtf(sum / n + eps);
    for (int i = 0; i < n; i++) y[i] = x[i] * r * w[i];
}

)c";

const char* const layer_norm_text =
    R"c(// y[i] = (x[i] - mean(x)) / sqrt(variance(x) + eps) * w[i] + b[i]
static void layer_norm(float *y, const float *x, const float *w, const float *b, int n, float eps) {
    float mean = 0.0f, variance = 0.0f;
    for (int i = 0; i < n; i++) mean += x[i] / n;
    for (int i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean) / n;
    float r = 1.0f / sqrtf(variance + eps);
    for (int i = 0; i < n; i++) y[i] = (x[i] - mean) * r * w[i] + (b ? b[i] : 0.0f);
}

)c";

const char* const dot_text =
    R"c(// a . b, in eight partial sums: a compiler makes vector instructions of them.
static float dot(const float *a, const float *b, int n) {
    float s[8] = {0}, sum = 0.0f;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) s[j] += a[i + j] * b[i + j];
    for (; i < n; i++) sum += a[i] * b[i];
    for (int j = 0; j < 8; j++) sum += s[j];
    return sum;
}

)c";

const char* const dot_bf16_text = R"c(// The same with one side in bfloat16.
static float dot_bf16(const bf16 *a, const float *b, int n) {
    float s[8] = {0}, sum = 0.0f;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) s[j] += f32(a[i + j]) * b[i + j];
    for (; i < n; i++) sum += f32(a[i]) * b[i];
    for (int j = 0; j < 8; j++) sum += s[j];
    return sum;
}

)c";

const char* const linear_text = R"c(// y[i] = weight[i] . x for the rows of weight (n_out, n_in)
static void linear(float *y, const float *x, const @MATRIX@ *weight, int n_out, int n_in) {
    for (int i = 0; i < n_out; i++) y[i] = @DOT@(weight + (size_t)i * n_in, x, n_in);
}

)c";

const char* const linear_bias_text =
    R"c(// y[i] = weight[i] . x + bias[i] for the rows of weight (n_out, n_in); bias may be NULL
static void linear(float *y, const float *x, const @MATRIX@ *weight, const float *bias,
                   int n_out, int n_in) {
    for (int i = 0; i < n_out; i++)
        y[i] = @DOT@(weight + (size_t)i * n_in, x, n_in) + (bias ? bias[i] : 0.0f);
}

)c";

const char* const rope_table_text =
    R"c(// The cosines, then the sines, of the angles pos * freq[i] that rope() turns by.
static void rope_table(float *turns, const double *freq, int pos, int n) {
    for (int i = 0; i < n; i++) {
        turns[i] = (float)cos(pos * freq[i])@MAGNITUDE@;
        turns[n + i] = (float)sin(pos * freq[i])@MAGNITUDE@;
    }
}

)c";

const char* const rope_text =
    R"c(// Rotary positions: in every head, pair i is turned by its angle,
//     (a, b) = (x[@A_TEXT@], x[@B_TEXT@])  becomes  (a cos - b sin, a sin + b cos).
static void rope(float *x, const float *turns, int n_heads) {
    for (int h = 0; h < n_heads; h++, x += @E@)
        for (int i = 0; i < @N@; i++) {
            float c = turns[i], s = turns[@N@ + i];
            float a = x[@A@], b = x[@B@];
            x[@A@] = a * c - b * s;
            x[@B@] = a * s + b * c;
        }
}

)c";

const char* const softmax_text = R"c(// x[i] = exp(x[i]) / sum(exp(x))
static void softmax(float *x, int n) {
    float top = x[0], sum = 0.0f;
    for (int i = 1; i < n; i++)
        if (x[i] > top) top = x[i];
    for (int i = 0; i < n; i++) sum += x[i] = expf(x[i] - top);
    for (int i = 0; i < n; i++) x[i] /= sum;
}

)c";

const char* const attention_text =
    R"c(// Attention of the token at pos to itself and all before it. Its key and value join the cache;
// then every query head looks at @GROUP@:
//     p = softmax over s of (scale * q[h] . k[s]),   out[h] = sum over s of p[s] * v[s]
static void attention(float *out, const float *q, const float *k, const float *v, int l, int pos,
                      float scale@PARAMETERS@) {
    const size_t row = @G@ * @E@;
    float *keys = k_cache + l * n_ctx * row;    // (n_ctx, @G@, @E@)
    float *values = v_cache + l * n_ctx * row;  // (n_ctx, @G@, @E@)
    memcpy(keys + pos * row, k, row * sizeof *k);
    memcpy(values + pos * row, v, row * sizeof *v);

@FIRST@    memset(out, 0, @H@ * @E@ * sizeof *out);
    for (int h = 0; h < @H@; h++) {
        const float *head_keys = keys + @HEAD@ * @E@, *head_values = values + @HEAD@ * @E@;
        for (int s = @START@; s <= pos; s++)
            scores[s] = scale * dot(q + h * @E@, head_keys + s * row, @E@);
@SOFTCAP@        softmax(scores@PLUS_START@, pos@MINUS_START@ + 1);
        for (int s = @START@; s <= pos; s++)
            for (int i = 0; i < @E@; i++) out[h * @E@ + i] += scores[s] * head_values[s * row + i];
    }
}

)c";

const char* const add_text = R"c(// x += y
static void add(float *x, const float *y, int n) {
    for (int i = 0; i < n; i++) x[i] += y[i];
}

)c";

const char* const scale_text = R"c(// x *= factor
static void scale(float *x, float factor, int n) {
    for (int i = 0; i < n; i++) x[i] *= factor;
}

)c";

const char* const softcap_text = R"c(// x = cap * tanh(x / cap)
static void softcap(float *x, float cap, int n) {
    for (int i = 0; i < n; i++) x[i] = cap * tanhf(x[i] / cap);
}

)c";

const char* const copy_text = R"c(// y = x
static void copy(float *y, const float *x, int n) { memcpy(y, x, n * sizeof *y); }

)c";

struct ActivationText {
  const char* formula;
  const char* code;
};

ActivationText activation_text(Activation activation) {
  switch (activation) {
    case Activation::silu:
      return {"x / (1 + exp(-x))", "x / (1.0f + expf(-x))"};
    case Activation::gelu_tanh:
      return {"0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))",
              "0.5f * x * (1.0f + tanhf(0.797884561f * (x + 0.044715f * x * x * x)))"};
    case Activation::gelu_erf:
      return {"0.5 x (1 + erf(x / sqrt(2)))", "0.5f * x * (1.0f + erff(x * 0.707106781f))"};
    case Activation::relu:
      return {"max(x, 0)", "x > 0.0f ? x : 0.0f"};
    case Activation::relu_squared:
      return {"max(x, 0)^2", "x > 0.0f ? x * x : 0.0f"};
    case Activation::sigmoid:
      return {"1 / (1 + exp(-x))", "1.0f / (1.0f + expf(-x))"};
    case Activation::tanh:
      return {"tanh(x)", "tanhf(x)"};
    case Activation::gelu_quick:
      return {"x / (1 + exp(-1.702 x))", "x / (1.0f + expf(-1.702f * x))"};
  }
  return {"", ""};
}

std::string c_activation_name(Activation activation) {
  return activation == Activation::tanh ? "tanh_of" : activation_name(activation);
}

std::string activation_functions(const Graph& graph) {
  std::set<Activation> scalar, whole, gated;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::activation && node.op != Op::gated) continue;
    const Activation kind = node.as<ActivationAttributes>().activation;
    scalar.insert(kind);
    (node.op == Op::gated ? gated : whole).insert(kind);
  }
  std::string out;
  for (Activation kind : scalar) {
    const std::string name = c_activation_name(kind);
    const ActivationText text = activation_text(kind);
    out += fmt::format("// {} of x = {}\nstatic float {}(float x) {{\n    return {};\n}}\n\n", name,
                       text.formula, name, text.code);
    if (whole.contains(kind))
      out += fmt::format(
          "// x = {0}(x)\nstatic void {0}_all(float *x, int n) {{\n"
          "    for (int i = 0; i < n; i++) x[i] = {0}(x[i]);\n}}\n\n",
          name);
    if (gated.contains(kind))
      out += fmt::format(
          "// gate = {0}(gate) * up\n"
          "static void {0}_gate(float *gate, const float *up, int n) {{\n"
          "    for (int i = 0; i < n; i++) gate[i] = {0}(gate[i]) * up[i];\n}}\n\n",
          name);
  }
  return out;
}

std::string rope_functions(const CContext& context) {
  const Node& node = *first(context.graph, Op::rope);
  const auto& rope = node.as<RopeAttributes>();
  const size_t n = rope.frequencies->frequencies.size();
  const bool halves = rope.pairs == RopePairs::halves;
  const DimShape& shape = context.graph.value(node.inputs[0]).shape;
  const std::string E = context.letters.of(node.inputs[0], 2);
  const std::string half =
      static_cast<int64_t>(2 * n) == shape[2].n ? E + " / 2" : fmt::format("{}", n);
  const float magnitude = rope.frequencies->magnitude;
  const std::string a = halves ? "i" : "2 * i", b = halves ? half + " + i" : "2 * i + 1";
  return fill(rope_table_text,
              {{"MAGNITUDE", magnitude == 1 ? std::string() : " * " + c_float(magnitude)}}) +
         fill(rope_text, {{"N", half},
                          {"E", E},
                          {"A", a},
                          {"B", b},
                          {"A_TEXT", halves ? "i" : "2i"},
                          {"B_TEXT", halves ? b : "2i + 1"}});
}

std::string attention_function(const CContext& context) {
  const Node& node = *first(context.graph, Op::attention);
  const std::string H = context.letters.of(node.inputs[0], 1),
                    G = context.letters.of(node.inputs[1], 1),
                    E = context.letters.of(node.inputs[0], 2);
  const bool window = context.attention_window, softcap = context.attention_softcap;
  return fill(
      attention_text,
      {{"GROUP", H == G ? std::string("its own key and value heads")
                        : fmt::format("the key and value head of its group, h / ({} / {})", H, G)},
       {"HEAD", H == G ? std::string("h") : fmt::format("h / ({} / {})", H, G)},
       {"PARAMETERS", std::string(window ? ", int window" : "") + (softcap ? ", float cap" : "")},
       {"FIRST",
        window ? "    int first = window > 0 && pos >= window ? pos - window + 1 : 0;\n" : ""},
       {"START", window ? "first" : "0"},
       {"PLUS_START", window ? " + first" : ""},
       {"MINUS_START", window ? " - first" : ""},
       {"SOFTCAP", softcap ? fmt::format("        for (int s = {}; cap > 0.0f && s <= pos; s++)\n"
                                         "            scores[s] = cap * tanhf(scores[s] / cap);\n",
                                         window ? "first" : "0")
                           : std::string()},
       {"H", H},
       {"G", G},
       {"E", E}});
}

}  // namespace

std::string c_float(float value) {
  std::string text = fmt::format("{}", value);
  if (const size_t at = text.find("e-0"); at != std::string::npos) text.erase(at + 2, 1);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

Result<CContext> c_context(const Graph& graph, const DimLetters& letters, const CBuffers& buffers,
                           const EmitOptions& options) {
  CContext context{graph, letters, buffers, options, false, false, false, {}};
  const Node* attention = first(graph, Op::attention);
  const Node* rope = first(graph, Op::rope);
  for (const Node& node : graph.nodes) {
    const std::string& name = graph.value(node.outputs[0]).name;
    if (node.op > Op::select_rows && !is_alias(node.op))
      return fail(Fault::unsupported, "{}: the operation {} cannot be printed as C", name,
                  op_name(node.op));
    if (node.op == Op::linear && node.inputs.size() > 2) context.linear_bias = true;
    if (node.op == Op::attention) {
      const auto& attributes = node.as<AttentionAttributes>();
      context.attention_window |= attributes.window > 0;
      context.attention_softcap |= attributes.softcap > 0;
      if (node.inputs.size() > 3 || attributes.mask != AttentionMask::causal ||
          graph.value(node.inputs[1]).shape != graph.value(node.inputs[2]).shape)
        return fail(Fault::unsupported,
                    "{}: attention with sinks, without a causal mask, or with values of another "
                    "width than the keys cannot be printed as C",
                    name);
      for (size_t i = 0; i < 3; ++i)
        if (graph.value(node.inputs[i]).shape != graph.value(attention->inputs[i]).shape)
          return fail(Fault::unsupported,
                      "{}: layers whose attention differs in shape cannot be printed as C", name);
    }
    if (node.op == Op::rope) {
      const auto &mine = node.as<RopeAttributes>(), &other = rope->as<RopeAttributes>();
      const RopeFrequencies& table = *mine.frequencies;
      if (mine.pairs != other.pairs || table.magnitude != other.frequencies->magnitude ||
          table.frequencies.size() != other.frequencies->frequencies.size() ||
          graph.value(node.inputs[0]).shape[2] != graph.value(rope->inputs[0]).shape[2])
        return fail(Fault::unsupported,
                    "{}: rotary embeddings of different kinds cannot be printed as C", name);
      if (std::ranges::none_of(context.rope_tables, [&](const RopeFrequencies* known) {
            return known->frequencies == table.frequencies;
          }))
        context.rope_tables.push_back(&table);
    }
  }
  return context;
}

std::string c_rope_tables(const CContext& context) {
  std::string out;
  for (size_t t = 0; t < context.rope_tables.size(); ++t) {
    const auto& frequencies = context.rope_tables[t]->frequencies;
    out += fmt::format("static const double rope_freq{}[] = {{  // radians per position",
                       t == 0 ? "" : fmt::format("_{}", t + 1));
    for (size_t i = 0; i < frequencies.size(); ++i)
      out += (i % 4 == 0 ? "\n    " : " ") + number(frequencies[i]) + ",";
    out += "\n};\n";
  }
  return out;
}

std::string c_operations(const CContext& context) {
  const Graph& graph = context.graph;
  const bool bf16 = context.options.matrix == CMatrix::bf16;
  const std::string matrix = bf16 ? "bf16" : "float";
  const bool copies = std::ranges::any_of(graph.nodes, [&](const Node& node) {
    if (!works_in_place(node.op)) return false;
    return std::ranges::none_of(
        node.inputs, [&](ValueId in) { return context.buffers.share(in, node.outputs[0]); });
  });
  std::string out;
  if (bf16) out += bf16_text;
  if (uses(graph, Op::embed))
    out += fill(embed_text, {{"MATRIX", matrix}, {"READ", bf16 ? "f32(row[i])" : "row[i]"}});
  if (uses(graph, Op::rms_norm)) out += rms_norm_text;
  if (uses(graph, Op::layer_norm)) out += layer_norm_text;
  if (uses(graph, Op::linear) || uses(graph, Op::attention)) out += dot_text;
  if (uses(graph, Op::linear)) {
    if (bf16) out += dot_bf16_text;
    out += fill(context.linear_bias ? linear_bias_text : linear_text,
                {{"MATRIX", matrix}, {"DOT", bf16 ? "dot_bf16" : "dot"}});
  }
  if (uses(graph, Op::rope)) out += rope_functions(context);
  if (uses(graph, Op::attention)) out += softmax_text + attention_function(context);
  if (copies) out += copy_text;
  if (uses(graph, Op::add)) out += add_text;
  out += activation_functions(graph);
  if (uses(graph, Op::scale)) out += scale_text;
  if (uses(graph, Op::softcap)) out += softcap_text;
  return out;
}

namespace {

// The statement of one node, with the names of its operands ready.
class StatementWriter {
 public:
  StatementWriter(const CContext& context, const Node& node, std::string layer)
      : context_(context), node_(node), layer_(std::move(layer)) {}

  std::string write() const {
    const ValueId out = node_.outputs[0];
    const std::string n = context_.letters.product(out);
    switch (node_.op) {
      case Op::embed: {
        const bool by_token = node_.inputs[1] == context_.graph.inputs.tokens;
        return call("embed", {name(out), name(node_.inputs[0]), by_token ? "token" : "pos", n});
      }
      case Op::rms_norm:
      case Op::layer_norm:
        return norm();
      case Op::linear:
        return linear();
      case Op::rope: {
        const std::string heads = context_.letters.of(out, 1);
        return in_place("rope", {name(node_.inputs[1]), heads});
      }
      case Op::rope_table:
        return call("rope_table", {name(out), rope_frequencies(), "pos", n + " / 2"});
      case Op::attention:
        return attention();
      case Op::add: {
        const bool second = shares(1) && !shares(0);
        return in_place("add", {name(node_.inputs[second ? 0 : 1]), n}, second ? 1 : 0);
      }
      case Op::activation:
        return in_place(activation() + "_all", {n});
      case Op::gated:
        return in_place(activation() + "_gate", {name(node_.inputs[1]), n});
      case Op::scale:
        return in_place("scale", {factor(), n});
      case Op::softcap:
        return in_place("softcap", {factor(), n});
      default:
        return "";
    }
  }

 private:
  using Arguments = std::vector<std::string>;

  std::string name(ValueId id) const {
    const Value& value = context_.graph.value(id);
    if (value.role != Role::parameter)
      return context_.buffers.name(id) + context_.letters.offset(id);
    const CName parameter = c_name(value.name);
    if (parameter.layer < 0) return "w." + parameter.text;
    return fmt::format("w.blk[{}].{}", index(parameter.layer), parameter.text);
  }
  bool shares(size_t input) const {
    return context_.buffers.share(node_.inputs[input], node_.outputs[0]);
  }
  std::string factor() const { return c_float(node_.as<ScaleAttributes>().factor); }
  std::string activation() const {
    return c_activation_name(node_.as<ActivationAttributes>().activation);
  }
  static std::string call(const std::string& function, const Arguments& arguments) {
    return fmt::format("{}({});", function, fmt::join(arguments, ", "));
  }
  // Functions that change their first argument; a copy of the input where it must stay.
  std::string in_place(const std::string& function, Arguments rest, size_t target = 0) const {
    const std::string out = name(node_.outputs[0]);
    std::string before;
    if (!shares(target))
      before = call("copy",
                    {out, name(node_.inputs[target]), context_.letters.product(node_.outputs[0])}) +
               "\n";
    rest.insert(rest.begin(), out);
    return before + call(function, rest);
  }
  std::string norm() const {
    const ValueId x = node_.inputs[0], out = node_.outputs[0];
    const DimShape& shape = context_.graph.value(x).shape;
    const std::string width = context_.letters.of(x, shape.size() - 1);
    const std::string eps = c_float(node_.as<NormAttributes>().eps);
    const bool rms = node_.op == Op::rms_norm, heads = shape.size() > 2;
    const std::string at = heads ? fmt::format(" + h * {}", width) : "";
    const bool own = context_.graph.value(node_.inputs[1]).shape.size() > 1;  // of each head
    const auto parameter = [&](size_t i) { return name(node_.inputs[i]) + (own ? at : ""); };
    Arguments arguments{name(out) + at, name(x) + at, parameter(1)};
    if (!rms) arguments.push_back(node_.inputs.size() > 2 ? parameter(2) : "NULL");
    arguments.insert(arguments.end(), {width, eps});
    std::string statement = call(rms ? "rms_norm" : "layer_norm", arguments);
    if (!heads) return statement;
    return fmt::format("for (int h = 0; h < {}; h++) {}", context_.letters.of(x, 1), statement);
  }
  std::string linear() const {
    const ValueId weight = node_.inputs[1];
    Arguments arguments{name(node_.outputs[0]), name(node_.inputs[0]), name(weight)};
    if (context_.linear_bias)
      arguments.push_back(node_.inputs.size() > 2 ? name(node_.inputs[2]) : "NULL");
    arguments.push_back(context_.letters.of(weight, 0));
    arguments.push_back(context_.letters.of(weight, 1));
    return call("linear", arguments);
  }
  std::string attention() const {
    const auto& attributes = node_.as<AttentionAttributes>();
    const auto width = static_cast<float>(context_.graph.value(node_.inputs[0]).shape[2].n);
    const std::string scale =
        attributes.scale == 1.0f / std::sqrt(width)
            ? fmt::format("1.0f / sqrtf({})", context_.letters.of(node_.inputs[0], 2))
            : c_float(attributes.scale);
    Arguments arguments{name(node_.outputs[0])};
    for (ValueId id : node_.inputs) arguments.push_back(name(id));
    arguments.insert(arguments.end(), {index(attributes.layer), "pos", scale});
    if (context_.attention_window) arguments.push_back(fmt::format("{}", attributes.window));
    if (context_.attention_softcap) arguments.push_back(c_float(attributes.softcap));
    return call("attention", arguments);
  }
  // The index of a layer: that of the node itself is `layer_`, which may be a loop's.
  std::string index(int32_t layer) const {
    const int own = c_name(context_.graph.value(node_.outputs[0]).name).layer;
    return own == layer ? layer_ : fmt::format("{}", layer);
  }
  std::string rope_frequencies() const {
    const auto& wanted = node_.as<RopeAttributes>().frequencies->frequencies;
    for (size_t t = 0; t < context_.rope_tables.size(); ++t)
      if (context_.rope_tables[t]->frequencies == wanted)
        return t == 0 ? "rope_freq" : fmt::format("rope_freq_{}", t + 1);
    return "rope_freq";
  }

  const CContext& context_;
  const Node& node_;
  std::string layer_;
};

}  // namespace

std::string c_statement(const CContext& context, const Node& node, const std::string& layer) {
  return StatementWriter(context, node, layer).write();
}

}  // namespace quire
