#include "cli/command.h"

#include "base/threads.h"
#include "cli/short_flags.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace quire {
namespace {

// The number that is the whole of the text.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Flags with what they take and their default; positionals as they are named ("[MODEL] PROMPT").
class HelpFormat : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = "\nusage: " + (name.empty() ? app->get_name() : name);
    if (!app->get_subcommands({}).empty()) return usage + " COMMAND [FLAGS]\n";
    for (const CLI::Option* option : app->get_options({}))
      if (option->get_positional()) usage += " " + option->get_name(true);
    return usage + " [FLAGS]\n";
  }
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    const std::string name = CLI::Formatter::make_option_name(option, positional);
    for (const std::string& long_name : option->get_lnames())
      if (const auto extra = short_flag_of("--" + long_name); !extra.empty())
        return fmt::format("{},{}", extra, name);
    return name;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 || option->get_type_name().empty()
               ? ""
               : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string standard = option->get_default_str();
    return option->get_description() + (standard.empty() ? "" : fmt::format(" [{}]", standard));
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_format() {
  auto format = std::make_shared<HelpFormat>();
  constexpr size_t column = 30;
  format->column_width(column);
  format->label("Positionals", "Arguments");
  format->label("Subcommands", "Commands");
  return format;
}

CLI::Validator integer_between(int64_t least, int64_t most) {
  return {[=](std::string& text) -> std::string {
            const auto value = parse_number<int64_t>(text);
            if (!value) return fmt::format("'{}' is not a whole number", text);
            if (*value < least) return fmt::format("{} is too small, at least {}", text, least);
            if (*value > most) return fmt::format("{} is too large, at most {}", text, most);
            if (text.starts_with('+')) text.erase(0, 1);
            return {};
          },
          "", "integer"};
}

CLI::Validator number_between(double least, double most) {
  return {[=](std::string& text) -> std::string {
            const auto value = parse_number<double>(text);
            if (!value || std::isnan(*value)) return fmt::format("'{}' is not a number", text);
            if (*value < least) return fmt::format("{} is too small, at least {}", text, least);
            if (*value > most) return fmt::format("{} is too large, at most {}", text, most);
            return {};
          },
          "", "number"};
}

template <std::integral T>
CLI::Option* add_int(CLI::App& app, const std::string& names, T& value, const std::string& help,
                     int64_t least, int64_t most) {
  return app.add_option(names, value, help)
      ->check(integer_between(least, most))
      ->capture_default_str()
      ->type_name("N");
}

template <std::floating_point T>
CLI::Option* add_number(CLI::App& app, const std::string& names, T& value, const std::string& help,
                        double least, double most) {
  return app.add_option(names, value, help)
      ->check(number_between(least, most))
      ->capture_default_str()
      ->type_name("X");
}

template <class T>
using AddInt = CLI::Option*(CLI::App&, const std::string&, T&, const std::string&, int64_t,
                            int64_t);
template AddInt<int32_t> add_int<int32_t>;
template AddInt<int64_t> add_int<int64_t>;
template AddInt<uint64_t> add_int<uint64_t>;
template <class T>
using AddNumber = CLI::Option*(CLI::App&, const std::string&, T&, const std::string&, double,
                               double);
template AddNumber<float> add_number<float>;
template AddNumber<double> add_number<double>;

CLI::Option* add_text(CLI::App& app, const std::string& names, std::string& value,
                      const std::string& help, const std::string& type) {
  return app.add_option(names, value, help)->type_name(type);
}

CLI::Option* add_threads(CLI::App& app, int& n_threads) {
  return add_int(app, "-t,--threads", n_threads,
                 fmt::format("threads to compute with; 0: all usable ({} here)", usable_cpus()), 0,
                 1024);
}

void examples(CLI::App& app, std::initializer_list<Example> list) {
  size_t width = 0;
  for (const Example& example : list)
    width = std::max(width, std::string_view(example.line).size());
  width = std::min<size_t>(width, 52);
  std::string text = "Examples:";
  for (const Example& example : list)
    text += fmt::format("\n  {:<{}}  {}", example.line, width, example.meaning);
  app.footer(text);
}

}  // namespace quire
