// The built-in tools, on this machine and through a runner of commands.
#include "agent/place.h"
#include "agent/runtime.h"
#include "agent/tool.h"
#include "base/file.h"
#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace quire::agent {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

enum class Where { here, by_commands, by_text, noisy };

std::unique_ptr<Place> make_place(Where where, const std::string& folder) {
  if (where == Where::here) return host_place(folder);
  // What docker does with its words, and ssh with its one.
  if (where == Where::by_commands) return command_place({"env"}, CommandForm::words, folder);
  if (where == Where::by_text) return command_place({"sh", "-c"}, CommandForm::shell_text, folder);
  return command_place({"sh", "-c", "echo Warning: something >&2; exec \"$@\"", "sh"},
                       CommandForm::words, folder);
}

class Tools : public testing::TestWithParam<Where> {
 protected:
  Tools() : place_(make_place(GetParam(), folder_.path())) {}

  Result<ToolResult> call(const char* name, const Json& arguments) {
    const Toolbox box = Toolbox::builtin(std::vector<std::string>{"all"}).value();
    return box.find(name)->run({.arguments = arguments, .place = *place_});
  }
  std::string text(const char* name, const Json& arguments) {
    const auto result = call(name, arguments);
    return result ? result->text.value_or("fields") : "error: " + result.error().text;
  }
  void put(const std::string& name, const std::string& content) {
    const std::string path = folder_ / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    ASSERT_TRUE(write_file(path, content).has_value());
  }

  TemporaryFolder folder_;
  std::unique_ptr<Place> place_;
};

INSTANTIATE_TEST_SUITE_P(Places, Tools,
                         testing::Values(Where::here, Where::by_commands, Where::by_text,
                                         Where::noisy),
                         [](const auto& each) -> std::string {
                           return each.param == Where::here          ? "here"
                                  : each.param == Where::by_commands ? "byCommands"
                                  : each.param == Where::by_text     ? "byText"
                                                                     : "byARunnerThatTalks";
                         });

TEST_P(Tools, AFileIsWrittenReadAndEdited) {
  const auto written =
      call("write_file", {{"path", "sub/a.txt"}, {"content", "line1\nline2\nline3\n"}});
  EXPECT_EQ(written.value().fields["bytes"], 18);
  EXPECT_EQ(text("read_file", {{"path", "sub/a.txt"}}), "line1\nline2\nline3\n");
  const auto edited =
      call("edit_file", {{"path", "sub/a.txt"},
                         {"edits", Json::array({{{"old_text", "line3"}, {"new_text", "it's 3\n4"}},
                                                {{"old_text", "line1\n"}, {"new_text", ""}}})}});
  EXPECT_EQ(edited.value().fields["edits_applied"], 2);
  EXPECT_EQ(read_file(folder_ / "sub/a.txt").value(), "line2\nit's 3\n4\n");
  EXPECT_EQ(text("write_file", {{"path", "sub/a.txt"}, {"content", ""}}), "fields");
  EXPECT_EQ(text("read_file", {{"path", folder_ / "sub/a.txt"}}), "");
}

TEST_P(Tools, PartsOfAFileAreRead) {
  put("a.txt", "one\ntwo\nthree");
  EXPECT_EQ(text("read_file", {{"path", "a.txt"}, {"start_line", 2}, {"end_line", 2}}), "two\n");
  EXPECT_EQ(text("read_file", {{"path", "a.txt"}, {"start_line", 3}}), "three");
  EXPECT_EQ(text("read_file", {{"path", "a.txt"}, {"append_loc", true}}),
            "1: one\n2: two\n3: three");
  put("large", std::string(20000, 'x') + "\n" + std::string(20000, 'y'));
  EXPECT_THAT(text("read_file", {{"path", "large"}}), StartsWith("error: file too large"));
  EXPECT_THAT(text("read_file", {{"path", "large"}, {"start_line", 1}, {"end_line", 2}}),
              HasSubstr("the next line is 1"));
}

TEST_P(Tools, WhatCannotBeReadOrWrittenIsSaid) {
  put("folder/file", "x");
  EXPECT_THAT(text("read_file", {{"path", "nothing"}}), HasSubstr("path does not exist: nothing"));
  EXPECT_THAT(text("read_file", {{"path", "folder"}}), StartsWith("error: folder: is "));
  EXPECT_THAT(text("read_file", {{"path", "/dev/zero"}}), HasSubstr("is not a regular file"));
  EXPECT_THAT(text("write_file", {{"path", "folder"}, {"content", "x"}}), StartsWith("error: "));
  EXPECT_THAT(text("write_file", {{"path", "folder/file/x"}, {"content", "x"}}),
              StartsWith("error: "));
  EXPECT_THAT(text("read_file", Json::object()), HasSubstr("argument 'path' is missing"));
  EXPECT_THAT(text("read_file", {{"path", ""}}), HasSubstr("path: the path is empty"));
  EXPECT_THAT(text("write_file", {{"path", ""}, {"content", "x"}}), HasSubstr("is empty"));
  EXPECT_THAT(text("read_file", {{"path", std::string("folder/file\0x", 13)}}),
              HasSubstr("zero byte"));
  EXPECT_THAT(text("read_file", {{"path", 7}}), HasSubstr("path: 7 is not a string"));
  EXPECT_THAT(text("read_file", {{"path", "folder/file"}, {"start_line", 0}}),
              HasSubstr("invalid start_line: 0"));
}

TEST_P(Tools, EditsThatAreNotClearAreRefusedAndNothingIsDone) {
  put("a", "dup dup\nend\n");
  const auto edit = [&](const Json& edits) {
    return text("edit_file", {{"path", "a"}, {"edits", edits}});
  };
  const auto one = [](const char* from, const char* to) {
    return Json{{"old_text", from}, {"new_text", to}};
  };
  EXPECT_THAT(edit(Json::array({one("dup", "x")})), HasSubstr("not unique"));
  EXPECT_THAT(edit(Json::array({one("nothing", "x")})), HasSubstr("edits[0].old_text is not in"));
  EXPECT_THAT(edit(Json::array({one("p\nend", "a"), one("end", "b")})), HasSubstr("overlap"));
  EXPECT_THAT(edit(Json::array({one("end", "b"), one("", "a")})), HasSubstr("edits[1].old_text"));
  EXPECT_THAT(edit(Json::array({one("end", "end")})), HasSubstr("change nothing"));
  EXPECT_THAT(edit(Json::array()), HasSubstr("'edits' must be an array"));
  EXPECT_THAT(edit(Json::array({{{"old_text", "end"}}})), HasSubstr("edits[0].new_text"));
  EXPECT_EQ(read_file(folder_ / "a").value(), "dup dup\nend\n");
}

TEST_P(Tools, AReplacedFileKeepsItsMode) {
  put("run.sh", "echo a\n");
  ASSERT_EQ(::chmod((folder_ / "run.sh").c_str(), 0750), 0);
  EXPECT_EQ(text("write_file", {{"path", "run.sh"}, {"content", "echo b\n"}}), "fields");
  struct stat info{};
  ASSERT_EQ(::stat((folder_ / "run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0750u);
  EXPECT_EQ(folder_.n_entries(), 1) << "nothing else was left there";
}

TEST_P(Tools, ALinkStaysALink) {
  put("sub/a", "old");
  std::filesystem::create_symlink("sub/a", folder_ / "link");
  EXPECT_EQ(text("write_file", {{"path", "link"}, {"content", "new"}}), "fields");
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "sub/a").value(), "new");
}

TEST(CommandPlace, AFileStaysWhenTheConnectionBreaksOnTheWay) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "as it was").has_value());
  const auto place =
      command_place({"sh", "-c", "head -c 3 | \"$@\"", "sh"}, CommandForm::words, folder.path());
  EXPECT_THAT(place->write("a", "something longer").error().text,
              HasSubstr("a: not all of the 16 bytes arrived"));
  EXPECT_EQ(read_file(folder / "a").value(), "as it was");
  EXPECT_EQ(folder.n_entries(), 1) << "nothing else was left there";
}

TEST(CommandPlace, WhatTheRunnerSaysIsTheErrorWhenItRunsNothing) {
  const auto place =
      command_place({"sh", "-c", "echo no such container >&2; exit 125"}, CommandForm::words, "");
  EXPECT_THAT(place->read("a", 10).error().text, HasSubstr("a: no such container"));
  const CommandEnd end = place->run({"true"}, {}).value();
  EXPECT_EQ(end.output, "no such container\n");
  EXPECT_EQ(end.exit_code, 125);
}

TEST(HostPlace, AListingThatCannotGoOnSaysSo) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a/b");
  const auto removes_it = [&] {
    std::filesystem::remove_all(folder / "a");
    return false;
  };
  const PlaceListing listing = host_place(folder.path())->list(".", 0, removes_it).value();
  EXPECT_EQ(listing.entries.size(), 1u);
  EXPECT_TRUE(listing.cut);
}

TEST_P(Tools, FilesAreFoundByName) {
  put("top.txt", "");
  put("a/mid.txt", "");
  put("a/b/deep.cpp", "");
  put("build/out.txt", "");
  const auto found = [&](Json arguments) {
    arguments["path"] = ".";
    std::string list = text("file_glob_search", arguments);
    std::ranges::replace(list, '\n', ' ');
    return list;
  };
  EXPECT_EQ(found(Json::object()), "a/b/deep.cpp a/mid.txt top.txt  --- Total matches: 3 ");
  EXPECT_EQ(found({{"include", "*.txt"}, {"exclude", "a/**"}}), "top.txt  --- Total matches: 1 ");
  EXPECT_EQ(found({{"type", "dir"}}), "a/ a/b/ build/  --- Total matches: 3 ");
  EXPECT_EQ(found({{"type", "dir"}, {"max_depth", 1}}), "a/ build/  --- Total matches: 2 ");
  EXPECT_EQ(found({{"max_depth", 2}}), "a/mid.txt top.txt  --- Total matches: 2 ");
  EXPECT_THAT(found({{"limit", 1}}), HasSubstr("Total matches: 3"));
  EXPECT_THAT(found({{"limit", 1}}), Not(HasSubstr("top.txt")));
  EXPECT_THAT(found({{"type", "bogus"}}), HasSubstr("invalid type"));
  EXPECT_THAT(found({{"limit", 0}}), HasSubstr("invalid limit"));
  EXPECT_THAT(text("file_glob_search", {{"path", "nowhere"}}), HasSubstr("does not exist"));
  EXPECT_THAT(text("file_glob_search", {{"path", "top.txt"}}), HasSubstr("not a directory"));
  const auto result = call("file_glob_search", {{"path", "a"}, {"type", "all"}});
  EXPECT_EQ(result.value().fields["base"], folder_ / "a");
  EXPECT_EQ(result.value().fields["entries"][0]["path"], "b");
  EXPECT_EQ(result.value().fields["entries"][0]["type"], "dir");
}

TEST_P(Tools, LinesAreFoundByWhatTheySay) {
  put("a.txt", "alpha\nbeta (1)\ngamma\ndelta\n");
  put("sub/b.txt", "ALPHA\r\nomega\n");
  put("binary", std::string("alpha\0alpha", 11));
  const auto found = [&](Json arguments) {
    if (!arguments.contains("path")) arguments["path"] = ".";
    return text("grep_search", arguments);
  };
  EXPECT_EQ(found({{"pattern", "^alpha$"}}), "a.txt:alpha\n\n---\nTotal matches: 1\n");
  EXPECT_EQ(found({{"pattern", "alpha"}, {"ignore_case", true}}),
            "a.txt:alpha\nsub/b.txt:ALPHA\n\n---\nTotal matches: 2\n");
  EXPECT_EQ(found({{"pattern", "(1)"}, {"literal", true}, {"return_line_numbers", true}}),
            "a.txt:2:beta (1)\n\n---\nTotal matches: 1\n");
  EXPECT_EQ(found({{"pattern", "gamma"}, {"context_lines", 1}, {"path", "a.txt"}}),
            "a.txt-beta (1)\na.txt:gamma\na.txt-delta\n\n---\nTotal matches: 1\n");
  EXPECT_EQ(found({{"pattern", "a"}, {"context_lines", 1}, {"path", "a.txt"}}),
            "a.txt:alpha\na.txt:beta (1)\na.txt:gamma\na.txt:delta\n\n---\nTotal matches: 4\n");
  EXPECT_THAT(found({{"pattern", "o"}, {"include", "b.*"}}), HasSubstr("sub/b.txt:omega"));
  EXPECT_THAT(found({{"pattern", "("}}), StartsWith("error: grep_search: pattern"));
  EXPECT_THAT(found({{"pattern", "a"}, {"path", "nowhere"}}), HasSubstr("does not exist"));
}

TEST_P(Tools, NoMoreThanAHundredLinesAreShown) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "line\n";
  put("a", many);
  const std::string shown = text("grep_search", {{"path", "a"}, {"pattern", "line"}});
  EXPECT_EQ(std::ranges::count(shown, ':'), 101);
  EXPECT_THAT(shown, HasSubstr("only the first 100 are shown"));
}

TEST_P(Tools, ALineThatTakesTooManyStepsIsLeftOutAndCounted) {
  put("a", std::string(10000, 'a') + "b\naa\n" + std::string(10000, 'a') + "b\n");
  EXPECT_EQ(text("grep_search", {{"path", "."}, {"pattern", "^(a+)+$"}, {"context_lines", 1}}),
            "a-" + std::string(500, 'a') + "...\na:aa\na-" + std::string(500, 'a') +
                "...\n[the pattern takes too many steps for 2 lines: they were left out]\n"
                "\n---\nTotal matches: 1\n");
}

TEST(GrepSearch, IsStoppedWithinAFile) {
  const TemporaryFolder folder;
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "line\n";
  ASSERT_TRUE(write_file(folder / "a", many).has_value());
  const Toolbox box = Toolbox::builtin(std::vector<std::string>{"grep_search"}).value();
  const Json arguments = {{"path", "a"}, {"pattern", "nothing"}};
  const auto place = host_place(folder.path());
  int n_asked = 0;
  const auto result = box.tools()[0]->run({.arguments = arguments, .place = *place, .stopped = [&] {
                                             return ++n_asked > 1;  // once before the file is begun
                                           }});
  EXPECT_EQ(result.error().fault, Fault::cancelled);
  EXPECT_EQ(n_asked, 2);
}

TEST(EditFile, LooksForLongTextsInLinearTimeAndForVeryLongOnesNotAtAll) {
  const TemporaryFolder folder;
  const std::string all(16 << 20, 'a');
  ASSERT_TRUE(write_file(folder / "a", all).has_value());
  const Toolbox box = Toolbox::builtin(std::vector<std::string>{"edit_file"}).value();
  const auto place = host_place(folder.path());
  const auto edited = [&](const std::string& old_text, size_t n) {
    const Json arguments = {
        {"path", "a"},
        {"edits", std::vector<Json>(n, Json{{"old_text", old_text}, {"new_text", "x"}})}};
    return box.tools()[0]->run({.arguments = arguments, .place = *place}).error().text;
  };
  // 16 million places with half a million bytes to compare at each would take minutes.
  EXPECT_THAT(edited(std::string(1 << 19, 'a') + "b" + std::string(1 << 18, 'a'), 1),
              HasSubstr("is not in the file"));
  EXPECT_THAT(edited(std::string((1 << 20) + 1, 'a'), 1), HasSubstr("at most 1048576"));
  EXPECT_THAT(edited("b", 1001), HasSubstr("1001 edits, at most 1000"));
}

TEST_P(Tools, ACommandRunsInTheFolder) {
  EXPECT_EQ(text("exec_shell_command", {{"command", "echo hello; echo x > made"}}),
            "hello\n[exit code: 0]");
  EXPECT_TRUE(file_exists(folder_ / "made"));
  EXPECT_EQ(text("exec_shell_command", {{"command", "printf 'a\\377'; exit 3"}}),
            "a\xEF\xBF\xBD\n[exit code: 3]");
  EXPECT_THAT(text("exec_shell_command", {{"command", "sleep 100"}, {"timeout", 1}}),
              HasSubstr("[ended after 1 s, the timeout]"));
  EXPECT_THAT(text("exec_shell_command", {{"command", "echo abcdef"}, {"max_output_size", 3}}),
              StartsWith("abc\n[output cut after 3 bytes]"));
}

TEST_P(Tools, OutputIsGivenAsItComes) {
  const Toolbox box = Toolbox::builtin(std::vector<std::string>{"exec_shell_command"}).value();
  const Json arguments = {{"command", "printf '\\303'; printf '\\244'"}};
  std::string streamed;
  const auto result = box.tools()[0]->run(
      {.arguments = arguments, .place = *place_, .on_output = [&](std::string_view piece) {
         EXPECT_EQ(piece.find("\xEF\xBF\xBD"), piece.npos) << "half a character";
         streamed += piece;
       }});
  EXPECT_EQ(streamed, "\xC3\xA4\n[exit code: 0]");
  EXPECT_EQ(result.value().text, streamed);
}

TEST_P(Tools, TheRuntimeIsDescribed) {
  const Json fields = call("get_info", Json::object()).value().fields;
  EXPECT_EQ(fields["cwd"], std::filesystem::canonical(folder_.path()).string());
  EXPECT_THAT(fields["os"].get<std::string>(), StartsWith("Linux"));
  EXPECT_GE(fields["time"].get<std::string>().size(), 19u);
}

TEST(Toolbox, HoldsWhatWasAskedFor) {
  const auto names = [](const std::vector<std::string>& wanted) {
    std::string list;
    const Toolbox box = Toolbox::builtin(wanted).value();
    for (const auto& tool : box.tools()) list += tool->info.name + " ";
    return list;
  };
  EXPECT_EQ(names({"get_info", "read_file"}), "read_file get_info ");
  EXPECT_EQ(names({"all"}),
            "read_file file_glob_search grep_search exec_shell_command write_file edit_file "
            "get_info ");
  EXPECT_THAT(Toolbox::builtin(std::vector<std::string>{"fly"}).error().text,
              HasSubstr("no tool 'fly'; there are: all, read_file"));
}

TEST(Runtime, NamesThatAreOptionsOrNothingAreRefused) {
  EXPECT_TRUE(place_of("docker-container:0a1b", "/tmp").has_value());
  EXPECT_TRUE(place_of("ssh:user@host.example", "").has_value());
  const auto error = [](const char* name) { return place_of(name, "").error().text; };
  EXPECT_THAT(error("fake:x"), HasSubstr("unknown tool runtime"));
  EXPECT_THAT(error("ssh"), HasSubstr("invalid ssh target"));
  EXPECT_THAT(error("ssh:-oProxyCommand=x"), HasSubstr("invalid ssh target"));
  EXPECT_THAT(error("ssh:a b"), HasSubstr("invalid ssh target"));
  EXPECT_THAT(error("docker-container:--privileged"), HasSubstr("invalid container id"));
  EXPECT_THAT(error("podman-container:"), HasSubstr("invalid container id"));
  EXPECT_THAT(OwnRuntime::start("docker:-v").error().text, HasSubstr("invalid image"));
  EXPECT_THAT(OwnRuntime::start("fly:x").error().text, HasSubstr("docker:IMAGE"));
}

// A program that answers as docker does, and runs commands here.
class OwnContainer : public testing::Test {
 protected:
  OwnContainer() {
    std::ignore = write_file(folder_ / "docker",
                             "#!/bin/sh\n"
                             "[ \"$1\" = exec ] && [ \"$3\" = \"$(cat \"${0%/*}/name\")\" ] && "
                             "shift 3 && exec \"$@\"\n"
                             "[ \"$1\" = run ] && shift 5 && echo Pulling >&2 || exit 1\n"
                             "[ \"$*\" = \"$1 --entrypoint cat -- busybox\" ] || exit 1\n"
                             "echo \"$1\" > \"${0%/*}/name\"\n"
                             "cat\n"
                             "mv \"${0%/*}/name\" \"${0%/*}/removed\"\n");
    ::chmod((folder_ / "docker").c_str(), 0755);
    ::setenv("PATH", (folder_.path() + ":" + path_).c_str(), 1);
  }
  ~OwnContainer() override { ::setenv("PATH", path_.c_str(), 1); }
  bool is_removed() const { return file_exists(folder_ / "removed"); }

  const std::string path_ = ::getenv("PATH");
  const TemporaryFolder folder_;
};

TEST_F(OwnContainer, IsMadeOfAnImageUsedAndRemoved) {
  {
    const auto runtime = OwnRuntime::start("docker:busybox").value();
    EXPECT_THAT(runtime->name(), StartsWith("docker-container:quire-"));
    const auto place = place_of(runtime->name(), folder_.path()).value();
    EXPECT_TRUE(place->write("a", "text").has_value());
    EXPECT_EQ(place->read("a", 100).value(), "text");
    EXPECT_FALSE(is_removed());
  }
  EXPECT_TRUE(is_removed());
}

TEST_F(OwnContainer, EndsWithAProgramThatIsKilled) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto runtime = OwnRuntime::start("docker:busybox");
    ::kill(::getpid(), runtime ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WTERMSIG(status), SIGKILL) << "it was there";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!is_removed() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(is_removed());
}

TEST_F(OwnContainer, SaysWhatTheEngineSays) {
  EXPECT_THAT(OwnRuntime::start("docker:other").error().text,
              HasSubstr("docker: cannot run other: Pulling"));
}

}  // namespace
}  // namespace quire::agent
