#include "chat/go_template.h"

#include "format/json.h"
#include "format/printable.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace quire {
namespace {

constexpr size_t template_bytes_max = 1 << 20;
constexpr size_t value_bytes_max = 16 << 10;
constexpr size_t depth_max = 64;  // of blocks and of parentheses

// ---- Actions: "{{ ... }}" and the texts between them.

struct Action {
  std::string_view text;  // what stands before it, trimmed as it says
  std::string_view code;  // empty behind the last text
};

constexpr std::string_view spaces = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(spaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) + 1 - first);
}
std::string_view trimmed_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(spaces), text.size()));
}
std::string_view trimmed_back(std::string_view text) {
  const size_t last = text.find_last_not_of(spaces);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

// The end of an action whose code begins at `at`: quotes and comments may hold braces.
size_t find_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'' || c == '`') {
      for (++at; at < text.size() && text[at] != c; ++at)
        if (text[at] == '\\' && c != '`') ++at;
    } else if (text.substr(at).starts_with("/*")) {
      at = text.find("*/", at + 2);
      if (at == text.npos) return at;
      ++at;
    } else if (text.substr(at).starts_with("}}")) {
      return at;
    }
    ++at;
  }
  return text.npos;
}

Result<std::vector<Action>> split(std::string_view text) {
  std::vector<Action> actions;
  bool trim_next = false;
  while (true) {
    const size_t open = text.find("{{");
    std::string_view before = text.substr(0, open);
    if (trim_next) before = trimmed_front(before);
    if (open == text.npos) {
      actions.push_back({before, {}});
      return actions;
    }
    const size_t end = find_end(text, open + 2);
    if (end == text.npos)
      return fail(Fault::bad_format, "the template: '{}' has no }}}}",
                  printable(text.substr(open, 40)));
    std::string_view code = text.substr(open + 2, end - open - 2);
    if (code.size() >= 2 && code[0] == '-' && spaces.find(code[1]) != spaces.npos) {
      before = trimmed_back(before);
      code.remove_prefix(2);
    }
    trim_next = code.size() >= 2 && code.ends_with('-') &&
                spaces.find(code[code.size() - 2]) != spaces.npos;
    if (trim_next) code.remove_suffix(2);
    actions.push_back({before, trimmed(code)});
    // An empty action is none, and must not look like the end.
    if (actions.back().code.empty()) actions.back().code = "/**/";
    text.remove_prefix(end + 2);
  }
}

// ---- Tokens of an action.

enum class Kind : uint8_t { end, name, field, variable, text, number, symbol };
struct Token {
  Kind kind = Kind::end;
  std::string value;  // of a text: as Jinja writes it
  bool after_space = false;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The value of a Go string with escapes, as a string of Jinja.
std::string go_string(std::string_view inner) {
  std::string value;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\' || i + 1 == inner.size()) {
      value += inner[i];
      continue;
    }
    const char c = inner[++i];
    value += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  return value;
}

// Jinja knows the escapes of JSON strings. Braces are cut in two: no lexer stops at them.
std::string jinja_string(std::string_view text) { return json_quoted(text); }

Result<std::vector<Token>> tokens_of(std::string_view code) {
  std::vector<Token> tokens;
  size_t at = 0;
  const auto word = [&] {
    const size_t begin = at;
    while (at < code.size() && is_word(code[at])) ++at;
    return std::string(code.substr(begin, at - begin));
  };
  while (true) {
    const size_t before = at;
    while (at < code.size() && spaces.find(code[at]) != spaces.npos) ++at;
    Token token;
    token.after_space = at > before || before == 0;
    if (at == code.size()) {
      tokens.push_back(token);
      return tokens;
    }
    const char c = code[at];
    const std::string_view rest = code.substr(at);
    if (c == '"' || c == '`') {
      size_t end = at + 1;
      while (end < code.size() && code[end] != c) end += code[end] == '\\' && c == '"' ? 2 : 1;
      if (end >= code.size())
        return fail(Fault::bad_format, "the template: '{}': a text has no end",
                    printable(code, 60));
      const std::string_view inner = code.substr(at + 1, end - at - 1);
      token.kind = Kind::text;
      token.value = jinja_string(c == '"' ? go_string(inner) : std::string(inner));
      at = end + 1;
    } else if (c == '.') {
      ++at;
      token.kind = Kind::field;
      token.value = word();
    } else if (c == '$') {
      ++at;
      token.kind = Kind::variable;
      token.value = word();
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 ||
               (c == '-' && rest.size() > 1 && std::isdigit(static_cast<unsigned char>(rest[1])))) {
      const size_t begin = at++;
      while (at < code.size() && (is_word(code[at]) || code[at] == '.')) ++at;
      token.kind = Kind::number;
      token.value = code.substr(begin, at - begin);
      if (token.value.find_first_not_of("-0123456789.") != std::string::npos)
        return fail(Fault::bad_format, "the template: '{}' is no number", printable(token.value));
    } else if (is_word(c)) {
      token.kind = Kind::name;
      token.value = word();
    } else {
      token.kind = Kind::symbol;
      const size_t n = rest.starts_with(":=") ? 2 : 1;
      token.value = rest.substr(0, n);
      at += n;
    }
    tokens.push_back(std::move(token));
  }
}

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
    {"Items", "items"},
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
  explicit Translator(std::vector<Action> actions) : actions_(std::move(actions)) {}

  // The whole template; or what stands before and in its .Response.
  Result<std::string> run(bool cut_at_response) {
    out_.clear();
    blocks_.clear();
    variables_.clear();
    dots_ = {""};
    for (const Action& action : actions_) {
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
    if (!text.empty()) out_ += "{{ " + jinja_string(text) + " }}";
  }
  void add_tag(const std::string& tag) { out_ += "{% " + tag + " %}"; }

  const Token& next() const { return tokens_[at_]; }
  // The token that ends an action stays.
  Token take() {
    const Token token = tokens_[at_];
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
    tokens_ = TRY(tokens_of(code_));
    at_ = 0;
    const Token first = next();
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
    // Go writes texts as they are; what is no text is JSON in Ollama's templates.
    out_ += fmt::format(
        "{{{{ ({0}) if ({0}) is string else '' if ({0}) is none or ({0}) is "
        "undefined else (({0}) | tojson) }}}}",
        value);
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
    const std::string dot = new_name("dot");
    add_tag(fmt::format("for {} in {}", dot, value));
    dots_.push_back(dot);
    if (variables.size() == 2) add_tag(fmt::format("set {} = loop.index0", declare(variables[0])));
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

  static bool begins_operand(const Token& token) {
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
    const Token token = take();
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
    if (name == "json" && needs(1, 1)) return fmt::format("({} | tojson)", a[0]);
    if (name == "print" && needs(1, 100)) return joined(" ~ ");
    if (name == "index" && needs(2, 100)) {
      std::string text = a[0];
      for (size_t i = 1; i < a.size(); ++i) text += "[" + a[i] + "]";
      return text;
    }
    if (name == "slice" && needs(1, 3))
      return fmt::format("{}[{}:{}]", a[0], a.size() > 1 ? a[1] : "", a.size() > 2 ? a[2] : "");
    for (const char* known : {"ne", "lt", "le", "gt", "ge", "and", "or", "not", "eq", "len", "json",
                              "print", "index", "slice"})
      if (name == known)
        return wrong(Fault::bad_format, "{} does not take {} arguments", name, a.size());
    return wrong(Fault::unsupported, "there is no function '{}'", printable(name, 30));
  }

  std::vector<Action> actions_;
  std::string out_;
  std::string_view code_;  // of the action that is being read
  std::vector<Token> tokens_;
  size_t at_ = 0, depth_ = 0, n_names_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::string> dots_;  // what "." is, innermost last; "": the data
  std::vector<std::pair<std::string, std::string>> variables_;  // Go's name, Jinja's
};

bool mentions(const std::vector<Action>& actions, std::string_view field) {
  return std::ranges::any_of(actions, [&](const Action& action) {
    for (size_t at = action.code.find(field); at != action.code.npos;
         at = action.code.find(field, at + 1)) {
      const size_t end = at + field.size();
      if (end == action.code.size() || !is_word(action.code[end])) return true;
    }
    return false;
  });
}

// What templates of both kinds begin with.
constexpr std::string_view prologue =
    "{%- set g = namespace(system='', prompt='', response='', tools=tools or [], rounds=[],"
    " think=enable_thinking is defined and enable_thinking,"
    " think_set=enable_thinking is defined or reasoning_effort is defined,"
    " think_level=reasoning_effort or '') -%}";

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
  std::vector<Action> actions = TRY(split(text));
  const bool of_messages = mentions(actions, ".Messages");
  if (!of_messages && !mentions(actions, ".Response")) {
    const std::string_view rest = actions.back().text;
    actions.back() = {rest, ".Response"};
    actions.push_back({"", ""});
  }
  Translator translator(std::move(actions));
  const std::string whole = TRY(translator.run(false));
  if (of_messages) return fmt::format("{}{}{}", prologue, system_of_messages, whole);
  const std::string last = TRY(translator.run(true));
  return fmt::format(
      "{}{}{{%- for round in g.rounds -%}}{{%- set g.system = round.s -%}}"
      "{{%- set g.prompt = round.p -%}}{{%- set g.response = round.r -%}}"
      "{{%- if loop.last -%}}{}{{%- else -%}}{}{{%- endif -%}}{{%- endfor -%}}",
      prologue, rounds_of_messages, last, whole);
}

}  // namespace quire
