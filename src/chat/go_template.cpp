#include "chat/go_template.h"

#include "chat/go_actions.h"
#include "format/json.h"
#include "format/printable.h"

#include <algorithm>
#include <vector>

namespace quire {
namespace {

using Kind = GoToken::Kind;

constexpr size_t template_bytes_max = 1 << 20;
constexpr size_t value_bytes_max = 16 << 10;
constexpr size_t depth_max = 64;  // of blocks and of parentheses

// ---- Fields.

struct FieldName {
  std::string_view go, jinja;
};
// Of the data of a template.
constexpr FieldName root_fields[] = {
    {"System", "g.system"},        {"Prompt", "g.prompt"},
    {"Response", "g.response"},    {"Messages", "messages"},
    {"Tools", "g.tools"},          {"Suffix", "''"},
    {"Think", "g.think"},          {"ThinkLevel", "g.think_level"},
    {"IsThinkSet", "g.think_set"},
};
// Of messages, tools and calls.
constexpr FieldName inner_fields[] = {
    {"Role", "role"},
    {"Content", "content"},
    {"Thinking", "reasoning_content"},
    {"ToolCalls", "tool_calls"},
    {"ToolName", "name"},
    {"ToolCallID", "tool_call_id"},
    {"Function", "function"},
    {"Name", "name"},
    {"Arguments", "arguments"},
    {"Description", "description"},
    {"Parameters", "parameters"},
    {"Properties", "properties"},
    {"Required", "required"},
    {"Type", "type"},
    {"Enum", "enum"},
    {"ID", "id"},
    {"Index", "index"},
    {"Items", "items"},
    {"AnyOf", "anyOf"},
    {"Images", "images"},
};

template <size_t N>
std::string_view find_field(const FieldName (&fields)[N], std::string_view name) {
  for (const FieldName& field : fields)
    if (field.go == name) return field.jinja;
  return {};
}

// ---- Translation.

struct Block {
  enum class Kind : uint8_t { condition, loop, with };
  Kind kind;
  size_t n_dots, n_variables;  // to go back to at its end
};

class Translator {
 public:
  explicit Translator(std::vector<GoAction> actions) : actions_(std::move(actions)) {}

  // The whole template; or what stands before and in its .Response.
  Result<std::string> run(bool cut_at_response) {
    out_.clear();
    blocks_.clear();
    variables_.clear();
    dots_ = {""};
    for (const GoAction& action : actions_) {
      add_text(action.text);
      if (action.code.empty()) break;
      code_ = action.code;
      bool was_response = false;
      TRY(translate(was_response));
      if (was_response && cut_at_response) break;
    }
    if (!cut_at_response && !blocks_.empty())
      return fail(Fault::bad_format, "the template: {} blocks have no {{{{ end }}}}",
                  blocks_.size());
    while (!blocks_.empty()) close_block();
    return std::move(out_);
  }

 private:
  template <class... Args>
  std::unexpected<Error> wrong(Fault fault, fmt::format_string<Args...> text,
                               Args&&... args) const {
    return fail(fault, "the template: '{{{{ {} }}}}': {}", printable(code_, 80),
                fmt::format(text, std::forward<Args>(args)...));
  }

  void add_text(std::string_view text) {
    if (!text.empty()) out_ += "{{ " + json_quoted(text) + " }}";
  }
  void add_tag(const std::string& tag) { out_ += "{% " + tag + " %}"; }

  const GoToken& next() const { return tokens_[at_]; }
  // The token that ends an action stays.
  GoToken take() {
    const GoToken token = tokens_[at_];
    if (token.kind != Kind::end) ++at_;
    return token;
  }
  bool takes(Kind kind, std::string_view value) {
    if (next().kind != kind || next().value != value) return false;
    ++at_;
    return true;
  }
  Result<void> expect_end() const {
    if (next().kind == Kind::end) return {};
    return wrong(Fault::bad_format, "'{}' is not understood here", printable(next().value, 30));
  }

  Result<void> translate(bool& was_response) {
    if (code_.starts_with("/*")) return {};
    tokens_ = TRY(go_tokens(code_));
    at_ = 0;
    const GoToken first = next();
    if (first.kind == Kind::name) {
      if (takes(Kind::name, "if")) return begin_condition();
      if (takes(Kind::name, "with")) return begin_with();
      if (takes(Kind::name, "range")) return begin_loop();
      if (takes(Kind::name, "else")) return otherwise();
      if (takes(Kind::name, "end")) return end();
      for (const char* name : {"break", "continue"})
        if (takes(Kind::name, name)) {
          add_tag(name);
          return expect_end();
        }
      for (const char* name : {"define", "template", "block"})
        if (first.value == name) return wrong(Fault::unsupported, "{} is not supported", name);
    }
    if (first.kind == Kind::variable && tokens_.size() > 2 &&
        (tokens_[1].value == ":=" || tokens_[1].value == "="))
      return assign();
    was_response = first.kind == Kind::field && first.value == "Response" && dots_.back().empty();
    const std::string value = TRY(pipeline());
    TRY(expect_end());
    out_ += "{{ " + shown(value) + " }}";
    return {};
  }

  Result<void> open(Block::Kind kind) {
    if (blocks_.size() == depth_max)
      return fail(Fault::limit, "the template: blocks are nested deeper than {}", depth_max);
    blocks_.push_back({kind, dots_.size(), variables_.size()});
    return {};
  }

  Result<void> begin_condition() {
    TRY(open(Block::Kind::condition));
    const std::string value = TRY(pipeline());
    add_tag("if " + value);
    return expect_end();
  }

  Result<void> begin_with() {
    TRY(open(Block::Kind::with));
    std::string variable;
    if (tokens_[at_].kind == Kind::variable && tokens_[at_ + 1].value == ":=") {
      variable = declare(take().value);
      take();
    }
    const std::string value = TRY(pipeline());
    const std::string dot = new_name("dot");
    add_tag(fmt::format("set g.{} = {}", dot, value));
    if (!variable.empty()) add_tag(fmt::format("set {} = g.{}", variable, dot));
    add_tag(fmt::format("if g.{}", dot));
    dots_.push_back("g." + dot);
    return expect_end();
  }

  Result<void> begin_loop() {
    TRY(open(Block::Kind::loop));
    std::vector<std::string> variables;
    if (next().kind == Kind::variable &&
        (tokens_[at_ + 1].value == ":=" || tokens_[at_ + 1].value == ",")) {
      variables.push_back(take().value);
      if (takes(Kind::symbol, ",")) variables.push_back(take().value);
      if (!takes(Kind::symbol, ":=")) return wrong(Fault::bad_format, "':=' is missing");
    }
    const std::string value = TRY(pipeline());
    // A map is gone through by its keys in order; each is a pair.
    const std::string all = "g." + new_name("all"), one = new_name("one");
    add_tag(fmt::format("set {} = {}", all, value));
    add_tag(fmt::format("for {} in (({} | dictsort(true)) if {} is mapping else {})", one, all, all,
                        all));
    const std::string dot = "g." + new_name("dot");
    add_tag(fmt::format("set {} = {}[1] if {} is mapping else {}", dot, one, all, one));
    dots_.push_back(dot);
    if (variables.size() == 2)
      add_tag(fmt::format("set {} = {}[0] if {} is mapping else loop.index0", declare(variables[0]),
                          one, all));
    if (!variables.empty()) add_tag(fmt::format("set {} = {}", declare(variables.back()), dot));
    return expect_end();
  }

  Result<void> otherwise() {
    if (blocks_.empty()) return wrong(Fault::bad_format, "there is no block to go on with");
    const Block block = blocks_.back();
    dots_.resize(block.n_dots);
    variables_.resize(block.n_variables);
    if (takes(Kind::name, "if")) {
      if (block.kind != Block::Kind::condition)
        return wrong(Fault::unsupported, "'else if' belongs to an 'if'");
      const std::string value = TRY(pipeline());
      add_tag("elif " + value);
    } else {
      add_tag("else");
    }
    return expect_end();
  }

  Result<void> end() {
    if (blocks_.empty()) return wrong(Fault::bad_format, "there is no block to end");
    close_block();
    return expect_end();
  }
  void close_block() {
    const Block block = blocks_.back();
    blocks_.pop_back();
    dots_.resize(block.n_dots);
    variables_.resize(block.n_variables);
    add_tag(block.kind == Block::Kind::loop ? "endfor" : "endif");
  }

  Result<void> assign() {
    const std::string name = take().value;
    const bool is_new = take().value == ":=";
    const std::string value = TRY(pipeline());
    const std::string variable = is_new ? declare(name) : TRY(find_variable(name));
    add_tag(fmt::format("set {} = {}", variable, value));
    return expect_end();
  }

  // Variables live in a namespace, so that loops can set them.
  std::string new_name(std::string_view of) { return fmt::format("{}_{}", of, ++n_names_); }
  std::string declare(const std::string& name) {
    variables_.emplace_back(name, "g." + new_name("v_" + name));
    return variables_.back().second;
  }
  Result<std::string> find_variable(const std::string& name) const {
    for (auto at = variables_.rbegin(); at != variables_.rend(); ++at)
      if (at->first == name) return at->second;
    return wrong(Fault::bad_format, "there is no variable '${}'", printable(name, 30));
  }

  // COMMAND { "|" COMMAND }: a value becomes the last argument of what follows it.
  Result<std::string> pipeline() {
    std::string value = TRY(command(""));
    while (takes(Kind::symbol, "|")) value = TRY(command(value));
    // Some functions write an argument twice.
    if (value.size() > value_bytes_max)
      return wrong(Fault::limit, "this becomes longer than {} bytes", value_bytes_max);
    return value;
  }

  static bool begins_operand(const GoToken& token) {
    return token.kind == Kind::field || token.kind == Kind::variable || token.kind == Kind::text ||
           token.kind == Kind::number || token.value == "(" || token.value == "true" ||
           token.value == "false" || token.value == "nil" || token.value == "currentDate";
  }

  Result<std::string> command(const std::string& piped) {
    if (next().kind == Kind::name && !begins_operand(next())) {
      const std::string name = take().value;
      std::vector<std::string> arguments;
      while (begins_operand(next())) arguments.push_back(TRY(operand()));
      if (!piped.empty()) arguments.push_back(piped);
      return call(name, arguments);
    }
    if (!piped.empty()) return wrong(Fault::bad_format, "a function belongs behind '|'");
    return operand();
  }

  Result<std::string> operand() {
    const GoToken token = take();
    std::string value;
    if (token.value == "(" && token.kind == Kind::symbol) {
      if (++depth_ > depth_max) return wrong(Fault::limit, "parentheses are nested too deep");
      value = "(" + TRY(pipeline()) + ")";
      --depth_;
      if (!takes(Kind::symbol, ")")) return wrong(Fault::bad_format, "a ')' is missing");
    } else if (token.kind == Kind::field) {
      value = TRY(field_of(dots_.back(), token.value));
    } else if (token.kind == Kind::variable) {
      if (!token.value.empty()) {
        value = TRY(find_variable(token.value));
      } else {  // "$" is the data
        if (next().kind != Kind::field || next().after_space)
          return wrong(Fault::unsupported, "'$' alone");
        value = TRY(field_of("", take().value));
      }
    } else if (token.kind == Kind::text || token.kind == Kind::number || token.value == "true" ||
               token.value == "false") {
      value = token.value;
    } else if (token.value == "nil") {
      value = "none";
    } else if (token.value == "currentDate") {
      value = "strftime_now('%Y-%m-%d')";
    } else {
      return wrong(Fault::bad_format, "'{}' is no value", printable(token.value, 30));
    }
    while (next().kind == Kind::field && !next().after_space)
      value = TRY(field_of(value, take().value));
    return value;
  }

  // A field of `of`, which is "" for the data of the template.
  Result<std::string> field_of(const std::string& of, const std::string& name) const {
    if (name.empty()) {
      if (of.empty()) return wrong(Fault::unsupported, "'.' alone");
      return of;
    }
    if (of.empty()) {
      const std::string_view known = find_field(root_fields, name);
      if (!known.empty()) return std::string(known);
      return wrong(Fault::unsupported, "there is no .{} here", printable(name, 30));
    }
    const std::string_view known = find_field(inner_fields, name);
    if (!known.empty()) return fmt::format("{}.{}", of, known);
    return wrong(Fault::unsupported, "no message, tool or call has a .{}", printable(name, 30));
  }

  // printf: %s, %v and %d write a value, %q a quoted text, %% is a percent sign.
  Result<std::string> formatted(const std::vector<std::string>& a) const {
    if (a[0].size() < 2 || !a[0].starts_with('"') || !a[0].ends_with('"'))
      return wrong(Fault::unsupported, "the format of printf must be a text");
    const std::string_view format = std::string_view(a[0]).substr(1, a[0].size() - 2);
    std::string joined, text;
    size_t n = 1;
    const auto add = [&](const std::string& part) {
      joined += (joined.empty() ? "(" : " ~ ") + part;
    };
    for (size_t i = 0; i < format.size(); ++i) {
      const char verb = format[i] == '%' && i + 1 < format.size() ? format[i + 1] : '\0';
      if (format[i] != '%' || verb == '%') {
        text += format[i];
        if (verb == '%') ++i;
        continue;
      }
      if (std::string_view("svdq").find(verb) == std::string_view::npos)
        return wrong(Fault::unsupported, "printf knows %s, %v, %d, %q and %%, not '%{}'",
                     printable(format.substr(i + 1, 1)));
      if (n == a.size()) return wrong(Fault::bad_format, "printf has too few arguments");
      add('"' + text + '"');
      add(verb == 'q' ? fmt::format("go_json({})", a[n]) : shown(a[n]));
      text.clear();
      ++n, ++i;
    }
    if (n < a.size()) return wrong(Fault::bad_format, "printf has too many arguments");
    add('"' + text + '"');
    return joined + ")";
  }

  static std::string shown(const std::string& value) { return "go_text(" + value + ")"; }

  Result<std::string> call(const std::string& name, const std::vector<std::string>& a) const {
    const auto needs = [&](size_t least, size_t most) {
      return a.size() >= least && a.size() <= most;
    };
    const auto joined = [&](std::string_view between) {
      std::string text;
      for (const std::string& one : a) text += (text.empty() ? "(" : std::string(between)) + one;
      return text + ")";
    };
    struct Comparison {
      std::string_view name, sign;
    };
    constexpr Comparison comparisons[] = {
        {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}};
    for (const Comparison& one : comparisons)
      if (name == one.name && needs(2, 2)) return fmt::format("({} {} {})", a[0], one.sign, a[1]);
    if (name == "and" && needs(1, 100)) return joined(" and ");
    if (name == "or" && needs(1, 100)) return joined(" or ");
    if (name == "not" && needs(1, 1)) return fmt::format("(not {})", a[0]);
    if (name == "eq" && needs(2, 100)) {
      std::string text;
      for (size_t i = 1; i < a.size(); ++i)
        text += fmt::format("{}{} == {}", i == 1 ? "(" : " or ", a[0], a[i]);
      return text + ")";
    }
    if (name == "len" && needs(1, 1)) return fmt::format("({} | length)", a[0]);
    if (name == "json" && needs(1, 1)) return fmt::format("go_json({})", a[0]);
    if (name == "print" && needs(1, 100)) return joined(" ~ ");
    if (name == "println" && needs(1, 100)) return joined(" ~ ' ' ~ ") + " ~ '\\n'";
    if (name == "printf" && needs(1, 100)) return formatted(a);
    if (name == "toTypeScriptType" && needs(1, 1)) return fmt::format("type_script({})", a[0]);
    if (name == "index" && needs(2, 100)) {
      std::string text = a[0];
      for (size_t i = 1; i < a.size(); ++i) text += "[" + a[i] + "]";
      return text;
    }
    if (name == "slice" && needs(1, 3))
      return fmt::format("{}[{}:{}]", a[0], a.size() > 1 ? a[1] : "", a.size() > 2 ? a[2] : "");
    for (const char* known : {"ne", "lt", "le", "gt", "ge", "and", "or", "not", "eq", "len", "json",
                              "print", "println", "printf", "index", "slice", "toTypeScriptType"})
      if (name == known)
        return wrong(Fault::bad_format, "{} does not take {} arguments", name, a.size());
    return wrong(Fault::unsupported, "there is no function '{}'", printable(name, 30));
  }

  std::vector<GoAction> actions_;
  std::string out_;
  std::string_view code_;  // of the action that is being read
  std::vector<GoToken> tokens_;
  size_t at_ = 0, depth_ = 0, n_names_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::string> dots_;  // what "." is, innermost last; "": the data
  std::vector<std::pair<std::string, std::string>> variables_;  // Go's name, Jinja's
};

bool mentions(const std::vector<GoAction>& actions, std::string_view field) {
  return std::ranges::any_of(actions, [&](const GoAction& action) {
    for (size_t at = action.code.find(field); at != action.code.npos;
         at = action.code.find(field, at + 1)) {
      const size_t end = at + field.size();
      if (end == action.code.size() || !is_go_word(action.code[end])) return true;
    }
    return false;
  });
}

// What templates of both kinds begin with. Go writes texts as they are and lists in brackets; what
// else there is in Ollama's templates writes itself as JSON, with the escapes of HTML.
constexpr std::string_view prologue =
    "{%- macro go_json(v) -%}{{- (v if v is defined else '') | tojson(separators=(',', ':')) | "
    "replace('&', '\\\\u0026')"
    " | replace('<', '\\\\u003c') | replace('>', '\\\\u003e') -}}{%- endmacro -%}"
    "{%- macro go_text(v) -%}"
    "{%- if v is string -%}{{- v -}}"
    "{%- elif v is none or v is undefined -%}"
    "{%- elif v is mapping or v is not sequence or v[0] is mapping -%}{{- go_json(v) -}}"
    "{%- else -%}[{{- v | join(' ') -}}]{%- endif -%}{%- endmacro -%}"
    "{%- set g = namespace(system='', prompt='', response='', tools=tools or [], rounds=[],"
    " think=enable_thinking is defined and enable_thinking,"
    " think_set=enable_thinking is defined or reasoning_effort is defined,"
    " think_level=reasoning_effort or '') -%}";

// The type of a parameter, as TypeScript has it.
constexpr std::string_view type_script_macro =
    "{%- macro type_script_name(t) -%}"
    "{{- {'string': 'string', 'number': 'number', 'integer': 'number', 'boolean': 'boolean',"
    " 'array': 'any[]', 'object': 'Record<string, any>', 'null': 'null'}.get(t, 'any') -}}"
    "{%- endmacro -%}"
    "{%- macro type_script(p) -%}"
    "{%- if p is not mapping -%}any"
    "{%- elif p.anyOf -%}"
    "{%- for one in p.anyOf -%}{{ type_script(one) }}{{ '' if loop.last else ' | ' }}{%- endfor -%}"
    "{%- elif p.type is string -%}{{ type_script_name(p.type) }}"
    "{%- elif p.type -%}"
    "{%- for t in p.type -%}{{ type_script_name(t) }}{{ '' if loop.last else ' | ' }}{%- endfor -%}"
    "{%- else -%}any{%- endif -%}{%- endmacro -%}";

// Several system messages are one.
constexpr std::string_view system_of_messages =
    "{%- for m in messages -%}{%- if m.role == 'system' -%}"
    "{%- set g.system = g.system ~ ('\\n\\n' if g.system else '') ~ m.content -%}"
    "{%- endif -%}{%- endfor -%}";

// Turns: a message that cannot belong to the turn before begins the next one.
constexpr std::string_view rounds_of_messages =
    "{%- for m in messages -%}"
    "{%- if (m.role == 'system' and (g.prompt or g.response)) or"
    " (m.role == 'user' and g.response) -%}"
    "{%- set g.rounds = g.rounds + [{'s': g.system, 'p': g.prompt, 'r': g.response}] -%}"
    "{%- set g.system = '' -%}{%- set g.prompt = '' -%}{%- set g.response = '' -%}"
    "{%- endif -%}"
    "{%- if m.role == 'system' -%}{%- set g.system = m.content -%}"
    "{%- elif m.role == 'user' -%}{%- set g.prompt = m.content -%}"
    "{%- elif m.role == 'assistant' -%}{%- set g.response = m.content -%}{%- endif -%}"
    "{%- endfor -%}"
    "{%- set g.rounds = g.rounds + [{'s': g.system, 'p': g.prompt, 'r': g.response}] -%}";

}  // namespace

bool is_go_template(std::string_view text) {
  if (text.find("{%") != text.npos) return false;
  for (size_t at = text.find("{{"); at != text.npos; at = text.find("{{", at + 2)) {
    const std::string_view code = text.substr(at, text.find("}}", at) - at);
    for (const FieldName& field : root_fields)
      if (code.find("." + std::string(field.go)) != code.npos) return true;
  }
  return false;
}

Result<std::string> jinja_of_go_template(std::string_view text) {
  if (text.size() > template_bytes_max)
    return fail(Fault::limit, "the template has {} bytes, at most {} are read", text.size(),
                template_bytes_max);
  std::vector<GoAction> actions = TRY(split_go_template(text));
  const bool of_messages = mentions(actions, ".Messages");
  if (!of_messages && !mentions(actions, ".Response")) {
    const std::string_view rest = actions.back().text;
    actions.back() = {rest, ".Response"};
    actions.push_back({"", ""});
  }
  Translator translator(std::move(actions));
  const std::string whole = TRY(translator.run(false));
  const std::string_view macros = whole.find("type_script(") == whole.npos ? "" : type_script_macro;
  if (of_messages) return fmt::format("{}{}{}{}", macros, prologue, system_of_messages, whole);
  const std::string last = TRY(translator.run(true));
  return fmt::format(
      "{}{}{}{{%- for round in g.rounds -%}}{{%- set g.system = round.s -%}}"
      "{{%- set g.prompt = round.p -%}}{{%- set g.response = round.r -%}}"
      "{{%- if loop.last -%}}{}{{%- else -%}}{}{{%- endif -%}}{{%- endfor -%}}",
      macros, prologue, rounds_of_messages, last, whole);
}

}  // namespace quire
