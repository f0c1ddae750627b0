#include "store/modelfile.h"

#include "format/printable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace quire {
namespace {

enum class ValueKind : uint8_t { integer, number, boolean, text };
struct ParameterName {
  std::string_view name;
  ValueKind kind;
};
constexpr ParameterName parameter_names[] = {{"num_ctx", ValueKind::integer},
                                             {"num_batch", ValueKind::integer},
                                             {"num_gpu", ValueKind::integer},
                                             {"main_gpu", ValueKind::integer},
                                             {"num_thread", ValueKind::integer},
                                             {"num_keep", ValueKind::integer},
                                             {"num_predict", ValueKind::integer},
                                             {"seed", ValueKind::integer},
                                             {"top_k", ValueKind::integer},
                                             {"repeat_last_n", ValueKind::integer},
                                             {"mirostat", ValueKind::integer},
                                             {"top_p", ValueKind::number},
                                             {"min_p", ValueKind::number},
                                             {"typical_p", ValueKind::number},
                                             {"tfs_z", ValueKind::number},
                                             {"temperature", ValueKind::number},
                                             {"repeat_penalty", ValueKind::number},
                                             {"presence_penalty", ValueKind::number},
                                             {"frequency_penalty", ValueKind::number},
                                             {"mirostat_tau", ValueKind::number},
                                             {"mirostat_eta", ValueKind::number},
                                             {"penalize_newline", ValueKind::boolean},
                                             {"use_mmap", ValueKind::boolean},
                                             {"use_mlock", ValueKind::boolean},
                                             {"numa", ValueKind::boolean},
                                             {"low_vram", ValueKind::boolean},
                                             {"stop", ValueKind::text}};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

const ParameterName* find_parameter(std::string_view name) {
  const auto at = std::ranges::find(parameter_names, name, &ParameterName::name);
  return at == std::end(parameter_names) ? nullptr : at;
}

template <class T>
bool is_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// "0.12.1" as numbers; what is missing is 0.
std::array<int, 3> version_of(std::string_view text) {
  std::array<int, 3> parts = {};
  for (int& part : parts) {
    const size_t dot = std::min(text.find('.'), text.size());
    if (!is_whole(text.substr(0, dot), part)) break;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return parts;
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  Result<Modelfile> run() {
    while (next_line()) TRY(instruction());
    line_begin_ = text_.size();
    if (file_.from.empty()) return wrong("there is no FROM");
    return std::move(file_);
  }

 private:
  template <class... Args>
  std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) const {
    const auto line =
        1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(line_begin_), '\n');
    return fail(Fault::bad_format, "{}: line {}: {}", name_, line,
                fmt::format(format, std::forward<Args>(args)...));
  }

  // To the next line with something on it.
  bool next_line() {
    while (at_ < text_.size()) {
      line_begin_ = at_;
      const size_t end = std::min(text_.find('\n', at_), text_.size());
      const std::string_view line = trimmed(text_.substr(at_, end - at_));
      if (!line.empty() && line[0] != '#') return true;
      at_ = end + 1;
    }
    return false;
  }

  std::string_view word() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    const size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // The rest of an instruction, without its quotes.
  Result<std::string> rest() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    constexpr std::string_view quotes = "\"\"\"";
    if (text_.substr(at_).starts_with(quotes)) {
      const size_t end = text_.find(quotes, at_ + 3);
      if (end == text_.npos) return wrong("the text behind \"\"\" has no end");
      std::string value(text_.substr(at_ + 3, end - at_ - 3));
      at_ = end + 3;
      const size_t line_end = std::min(text_.find('\n', at_), text_.size());
      if (!trimmed(text_.substr(at_, line_end - at_)).empty())
        return wrong("something follows the \"\"\" that ends a text");
      at_ = line_end;
      return value;
    }
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view value = trimmed(text_.substr(at_, end - at_));
    at_ = end;
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
      value = value.substr(1, value.size() - 2);
    return std::string(value);
  }

  Result<void> instruction() {
    const std::string what = lower(word());
    if (what == "parameter") return parameter();
    if (what == "message") return message();
    if (what != "from" && what != "template" && what != "system" && what != "adapter" &&
        what != "license" && what != "requires")
      return wrong(
          "'{}' is no instruction; there are FROM, PARAMETER, TEMPLATE, SYSTEM, ADAPTER, LICENSE, "
          "MESSAGE and REQUIRES",
          printable(what, 40));
    std::string value = TRY(rest());
    const bool may_be_empty = what == "template" || what == "system";
    if (value.empty() && !may_be_empty) return wrong("this instruction needs a value");
    if (what == "from") {
      if (!file_.from.empty()) return wrong("a second FROM");
      file_.from = std::move(value);
    } else if (what == "template") {
      file_.chat_template = std::move(value);
      file_.has_template = true;
    } else if (what == "system") {
      file_.system = std::move(value);
      file_.has_system = true;
    } else if (what == "requires") {
      if (version_of(value) > version_of(QUIRE_VERSION))
        return fail(Fault::unsupported, "{}: the model requires version {}, this is " QUIRE_VERSION,
                    name_, printable(value, 40));
    } else {
      (what == "adapter" ? file_.adapters : file_.licenses).push_back(std::move(value));
    }
    return {};
  }

  Result<void> parameter() {
    const std::string name = lower(word());
    const std::string value = TRY(rest());
    if (const auto sound = check_parameter(name, value); !sound)
      return wrong("{}", sound.error().text);
    file_.parameters.emplace_back(name, value);
    return {};
  }

  Result<void> message() {
    const std::string role = lower(word());
    if (const auto sound = check_role(role); !sound) return wrong("{}", sound.error().text);
    file_.messages.emplace_back(role, TRY(rest()));
    return {};
  }

  std::string_view text_;
  std::string_view name_;
  size_t at_ = 0, line_begin_ = 0;
  Modelfile file_;
};

}  // namespace

Result<void> check_parameter(std::string_view name, std::string_view value) {
  const ParameterName* known = find_parameter(name);
  if (known == nullptr) {
    std::string names;
    for (const ParameterName& p : parameter_names)
      names += (names.empty() ? "" : ", ") + std::string(p.name);
    return fail(Fault::usage, "'{}' is no parameter; there are {}", printable(name, 40), names);
  }
  int64_t integer = 0;
  double number = 0;
  const bool sound = known->kind == ValueKind::integer   ? is_whole(value, integer)
                     : known->kind == ValueKind::number  ? is_whole(value, number)
                     : known->kind == ValueKind::boolean ? value == "true" || value == "false"
                                                         : !value.empty();
  if (!sound) return fail(Fault::usage, "'{}' is no value for '{}'", printable(value, 40), name);
  return {};
}

Result<void> check_role(std::string_view role) {
  if (role == "system" || role == "user" || role == "assistant") return {};
  return fail(Fault::usage, "'{}' is no role; there are system, user and assistant",
              printable(role, 40));
}

Result<Modelfile> parse_modelfile(std::string_view text, std::string_view name) {
  return Parser(text, name).run();
}

std::string parameters_json(const Modelfile& modelfile) {
  if (modelfile.parameters.empty()) return "";
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const auto& [name, value] : modelfile.parameters) {
    int64_t integer = 0;
    double number = 0;
    switch (find_parameter(name)->kind) {
      case ValueKind::integer:
        is_whole(value, integer), all[name] = integer;
        break;
      case ValueKind::number:
        is_whole(value, number), all[name] = number;
        break;
      case ValueKind::boolean:
        all[name] = value == "true";
        break;
      case ValueKind::text:
        all[name].push_back(value);
        break;
    }
  }
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace quire
