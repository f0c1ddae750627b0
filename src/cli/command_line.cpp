#include "cli/command_line.h"

#include "base/check.h"
#include "base/threads.h"
#include "cli/short_flags.h"
#include "cli/suggest.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
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
  HelpFormat() {
    constexpr size_t column = 30;
    column_width(column);
    label("Positionals", "Arguments");
    label("Subcommands", "Commands");
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = "\nusage: " + (name.empty() ? app->get_name() : name);
    if (!app->get_subcommands({}).empty()) return usage + " COMMAND [FLAGS]\n";
    for (const CLI::Option* option : app->get_options({}))
      if (option->get_positional()) usage += " " + option->get_name(true);
    return usage + " [FLAGS]\n";
  }
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, positional);
    // What a flag stands for alone: "--think{true}".
    for (size_t at = name.find('{'); at != name.npos; at = name.find('{', at))
      name.erase(at, name.find('}', at) + 1 - at);
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

// The app whose flags the user was giving: the innermost subcommand that was named.
CLI::App* innermost(CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::unexpected<Error> explain(CLI::App& app, const CLI::ParseError& error) {
  CLI::App* inner = innermost(&app);
  const std::string way_out = fmt::format("'{} --help' explains it", app.get_name());
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const auto extras = app.remaining(true);
    const std::string extra = extras.empty() ? std::string(error.what()) : extras.front();
    std::vector<std::string> known;
    if (!extra.starts_with('-')) {
      for (const CLI::App* sub : inner->get_subcommands({})) known.push_back(sub->get_name());
      return fail_unknown(known.empty() ? "argument" : "command", extra, known, way_out);
    }
    for (const CLI::Option* option : inner->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      for (const std::string& name : option->get_snames()) known.push_back("-" + name);
    }
    return fail_unknown("flag", extra.substr(0, extra.find('=')), known, way_out);
  }
  return fail(Fault::usage, "{}; {}", error.what(), way_out);
}

// "-ctk f16" is "--ctk f16", as in other programs: a flag with one dash and a name that a flag with
// two has.
void add_second_dashes(const CLI::App& app, std::vector<std::string>& arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") return;
    if (argument.size() < 3 || argument[0] != '-' || argument[1] == '-') continue;
    const std::string name = "-" + argument.substr(0, argument.find('='));
    if (app.get_option_no_throw(name) != nullptr) argument.insert(0, "-");
  }
}

}  // namespace

Check integer_between(int64_t least, int64_t most) {
  return std::make_shared<CLI::Validator>(
      [=](std::string& text) -> std::string {
        const auto value = parse_number<int64_t>(text);
        if (!value) return fmt::format("'{}' is not a whole number", text);
        if (*value < least) return fmt::format("{} is too small, at least {}", text, least);
        if (*value > most) return fmt::format("{} is too large, at most {}", text, most);
        if (text.starts_with('+')) text.erase(0, 1);
        return {};
      },
      "", "integer");
}

Check number_between(double least, double most) {
  return std::make_shared<CLI::Validator>(
      [=](std::string& text) -> std::string {
        const auto value = parse_number<double>(text);
        if (!value || std::isnan(*value)) return fmt::format("'{}' is not a number", text);
        if (*value < least) return fmt::format("{} is too small, at least {}", text, least);
        if (*value > most) return fmt::format("{} is too large, at most {}", text, most);
        return {};
      },
      "", "number");
}

Check one_of(std::initializer_list<const char*> words, Case letters, InHelp help) {
  const std::vector<std::string> list(words.begin(), words.end());
  CLI::Validator check =
      letters == Case::any ? CLI::IsMember(list, CLI::ignore_case) : CLI::IsMember(list);
  if (help == InHelp::not_listed) check.description("");
  return std::make_shared<CLI::Validator>(std::move(check));
}

using Option = CommandLine::Option;

size_t Option::count() const { return option_->count(); }
Option* Option::required() { return option_->required(), this; }
Option* Option::type_name(const std::string& name) { return option_->type_name(name), this; }
Option* Option::check(const Check& check) { return option_->check(*check), this; }
Option* Option::expected(int least, int most) { return option_->expected(least, most), this; }
Option* Option::delimiter(char between) { return option_->delimiter(between), this; }
Option* Option::allow_extra_args(bool several) { return option_->allow_extra_args(several), this; }
Option* Option::capture_default_str() { return option_->capture_default_str(), this; }
Option* Option::excludes(const Option* other) { return option_->excludes(other->option_), this; }
Option* Option::excludes(const std::string& other) { return option_->excludes(other), this; }
Option* Option::needs(const Option* other) { return option_->needs(other->option_), this; }
Option* Option::needs(const std::string& other) { return option_->needs(other), this; }

CommandLine::CommandLine(const std::string& summary, const std::string& name)
    : owned_(std::make_unique<CLI::App>(summary, name)), app_(owned_.get()) {
  app_->formatter(std::make_shared<HelpFormat>());
  app_->option_defaults()->group("Flags");
  app_->set_help_flag("-h,--help", "print this help and exit");
}

CommandLine::CommandLine(CLI::App* subcommand) : app_(subcommand) {
  app_->set_help_flag("-h,--help", "print this help and exit");
}

CommandLine::~CommandLine() = default;

// Without a text of help a flag is not listed: it is there for those who know it.
Option* CommandLine::keep(CLI::Option* option) {
  if (option->get_description().empty()) option->group("");
  return options_.emplace_back(std::make_unique<Option>(option)).get();
}

template <class T>
Option* CommandLine::add_option(const std::string& names, T& value, const std::string& help) {
  return keep(app_->add_option(names, value, help));
}
template Option* CommandLine::add_option(const std::string&, std::string&, const std::string&);
template Option* CommandLine::add_option(const std::string&, std::vector<std::string>&,
                                         const std::string&);
template Option* CommandLine::add_option(const std::string&, std::vector<int32_t>&,
                                         const std::string&);
template Option* CommandLine::add_option(const std::string&, uint64_t&, const std::string&);

template <class T>
Option* CommandLine::add_option_function(const std::string& names,
                                         const std::function<void(const T&)>& set,
                                         const std::string& help) {
  return keep(app_->add_option_function<T>(names, set, help));
}
template Option* CommandLine::add_option_function(const std::string&,
                                                  const std::function<void(const std::string&)>&,
                                                  const std::string&);
template Option* CommandLine::add_option_function(const std::string&,
                                                  const std::function<void(const int64_t&)>&,
                                                  const std::string&);
template Option* CommandLine::add_option_function(const std::string&,
                                                  const std::function<void(const double&)>&,
                                                  const std::string&);

Option* CommandLine::add_flag(const std::string& names, bool& value, const std::string& help) {
  return keep(app_->add_flag(names, value, help));
}

Option* CommandLine::add_flag(const std::string& names, std::string& value,
                              const std::string& help) {
  return keep(
      app_->add_flag(names, value, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast));
}

Option* CommandLine::add_flag_callback(const std::string& names, const std::function<void()>& set,
                                       const std::string& help) {
  return keep(app_->add_flag_callback(names, set, help));
}

Result<void> CommandLine::fill_in(const std::string& flag, const std::vector<std::string>& values) {
  CLI::Option* option = app_->get_option_no_throw(flag);
  CHECK(option != nullptr);
  if (option->count() > 0) return {};
  try {
    for (const std::string& value : values) option->add_result(value);
    option->run_callback();
  } catch (const CLI::Error& error) {
    return fail(Fault::usage, "{}", error.what());
  }
  return {};
}

CommandLine* CommandLine::add_subcommand(const std::string& name, const std::string& summary) {
  CLI::App* sub = app_->add_subcommand(name, summary);
  return subcommands_.emplace_back(std::unique_ptr<CommandLine>(new CommandLine(sub))).get();
}

void CommandLine::require_subcommand() { app_->require_subcommand(1); }

void CommandLine::parse_complete_callback(const std::function<void()>& then) {
  app_->parse_complete_callback(then);
}

void CommandLine::footer(const std::string& text) { app_->footer(text); }

Result<std::string> CommandLine::parse(std::vector<std::string> arguments) {
  expand_short_flags(
      [this](const std::string& name) { return app_->get_option_no_throw(name) != nullptr; },
      arguments);
  add_second_dashes(*app_, arguments);
  try {
    std::reverse(arguments.begin(), arguments.end());  // the order CLI11 wants
    app_->parse(arguments);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* inner = innermost(app_);
    return inner->help(inner == app_ ? "" : app_->get_name());
  } catch (const CLI::ParseError& error) {
    return explain(*app_, error);
  }
  return std::string();
}

template <std::integral T>
Option* add_int(CommandLine& app, const std::string& names, T& value, const std::string& help,
                int64_t least, int64_t most) {
  return app.add_option(names, value, help)
      ->check(integer_between(least, most))
      ->capture_default_str()
      ->type_name("N");
}

template <std::floating_point T>
Option* add_number(CommandLine& app, const std::string& names, T& value, const std::string& help,
                   double least, double most) {
  return app.add_option(names, value, help)
      ->check(number_between(least, most))
      ->capture_default_str()
      ->type_name("X");
}

template <class T>
using AddInt = Option*(CommandLine&, const std::string&, T&, const std::string&, int64_t, int64_t);
template AddInt<int32_t> add_int<int32_t>;
template AddInt<int64_t> add_int<int64_t>;
template AddInt<uint64_t> add_int<uint64_t>;
template <class T>
using AddNumber = Option*(CommandLine&, const std::string&, T&, const std::string&, double, double);
template AddNumber<float> add_number<float>;
template AddNumber<double> add_number<double>;

Option* add_text(CommandLine& app, const std::string& names, std::string& value,
                 const std::string& help, const std::string& type) {
  return app.add_option(names, value, help)->type_name(type);
}

Option* add_threads(CommandLine& app, int& n_threads) {
  return add_int(app, "-t,--threads", n_threads,
                 fmt::format("threads to compute with; 0: all usable ({} here)", usable_cpus()), 0,
                 1024);
}

void examples(CommandLine& app, std::initializer_list<Example> list) {
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
