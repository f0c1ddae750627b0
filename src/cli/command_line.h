// What a command accepts: its flags, positionals, subcommands and help.
//
// The names of functions are those of CLI11, which does the work in command_line.cpp and nowhere
// else: a file that includes it takes three seconds longer to compile, and there is one for each
// command. `names` are "-n,--lines" for a flag, "LINES" for a positional, "--a,!--no-a" for a
// flag that can be taken back.
#pragma once
#include "base/result.h"

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
class Validator;
}  // namespace CLI

namespace quire {

// What a value must be; the error names the value and the limit.
using Check = std::shared_ptr<const CLI::Validator>;
Check integer_between(int64_t least, int64_t most);
Check number_between(double least, double most);
// One of these words. any_case: "Q8_0" is "q8_0", too; listed: --help lists them.
enum class Case { as_written, any };
enum class InHelp { listed, not_listed };
Check one_of(std::initializer_list<const char*> words, Case letters = Case::as_written,
             InHelp help = InHelp::listed);

class CommandLine {
 public:
  class Option {
   public:
    explicit Option(CLI::Option* option) : option_(option) {}
    size_t count() const;  // how often it was given
    Option* required();
    Option* type_name(const std::string& name);  // as --help shows its value; "": not at all
    Option* check(const Check& check);
    Option* expected(int least, int most);   // values
    Option* delimiter(char between);         // values in one argument
    Option* allow_extra_args(bool several);  // values after one mention of a list's flag
    Option* capture_default_str();           // --help shows the value that the variable has now
    Option* excludes(const Option* other);
    Option* excludes(const std::string& other);
    Option* needs(const Option* other);
    Option* needs(const std::string& other);

   private:
    CLI::Option* option_;
  };

  CommandLine(const std::string& summary, const std::string& name);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  // `value` lives as long as the command line. For std::string, std::vector<std::string>,
  // std::vector<int32_t>, int32_t, int64_t, uint64_t, float and double.
  template <class T>
  Option* add_option(const std::string& names, T& value, const std::string& help);
  // For std::string, int64_t and double.
  template <class T>
  Option* add_option_function(const std::string& names, const std::function<void(const T&)>& set,
                              const std::string& help);
  Option* add_flag(const std::string& names, bool& value, const std::string& help);
  // A flag with a value that need not be there: names "--think{true},--no-think{false}" say which
  // one it stands for alone, and "--think=high" gives another. The last one counts.
  Option* add_flag(const std::string& names, std::string& value, const std::string& help);
  Option* add_flag_callback(const std::string& names, const std::function<void()>& set,
                            const std::string& help);

  // As if the flag had been given with these values, unless it was; usage for values that it does
  // not take.
  Result<void> fill_in(const std::string& flag, const std::vector<std::string>& values);

  CommandLine* add_subcommand(const std::string& name, const std::string& summary);
  void require_subcommand();  // exactly one
  void parse_complete_callback(const std::function<void()>& then);
  void footer(const std::string& text);  // at the end of --help

  // Reads the arguments; the text is not empty when it is help that was asked for. What is wrong
  // with them is one line, with the flag that may have been meant.
  Result<std::string> parse(std::vector<std::string> arguments);

 private:
  explicit CommandLine(CLI::App* subcommand);
  Option* keep(CLI::Option* option);

  std::unique_ptr<CLI::App> owned_;  // none in a subcommand
  CLI::App* app_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::unique_ptr<CommandLine>> subcommands_;
};

// A flag or positional with a number that is checked: int32_t, int64_t, uint64_t; float, double.
template <std::integral T>
CommandLine::Option* add_int(CommandLine& app, const std::string& names, T& value,
                             const std::string& help, int64_t least, int64_t most);
template <std::floating_point T>
CommandLine::Option* add_number(CommandLine& app, const std::string& names, T& value,
                                const std::string& help, double least, double most);
CommandLine::Option* add_text(CommandLine& app, const std::string& names, std::string& value,
                              const std::string& help, const std::string& type = "TEXT");
// -t/--threads; 0 stands for all that the machine gives.
CommandLine::Option* add_threads(CommandLine& app, int& n_threads);

// Shown at the end of --help.
struct Example {
  const char* line;
  const char* meaning;
};
void examples(CommandLine& app, std::initializer_list<Example> list);

}  // namespace quire
