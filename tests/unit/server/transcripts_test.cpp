// tests/server/*.txt: requests and their answers as text.
//
//   # a comment
//   > POST /v1/completions        method and path
//   > {"prompt": "..."}           the body, perhaps of several lines
//   < 200                         status
//   < {"id":"...",...}            the body; ... stands for any text
//
// The answers of a file are those of one server with the bundled model, a context of 256 and an
// empty database for the web app. Requests with a body say that it is JSON.
#include "support.h"

#include "base/file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

namespace quire::server {
namespace {

// Whether the text is the pattern, in which "..." stands for anything.
bool matches(std::string_view text, std::string_view pattern) {
  size_t at = 0;
  bool first = true;
  while (true) {
    const size_t dots = pattern.find("...");
    const std::string_view piece = pattern.substr(0, dots);
    const size_t found = dots == pattern.npos && !first
                             ? text.size() - std::min(text.size(), piece.size())
                             : text.find(piece, at);
    if (found == text.npos || found < at || text.substr(found, piece.size()) != piece) return false;
    if (first && found != 0) return false;
    at = found + piece.size();
    first = false;
    if (dots == pattern.npos) return at == text.size();
    pattern.remove_prefix(dots + 3);
  }
}

struct Step {
  int line = 0;
  std::string method, path, body, expected;
  int status = 0;
};

std::vector<Step> read_steps(const std::string& path) {
  std::istringstream text(read_file(path).value());
  std::vector<Step> steps;
  std::string line;
  int n = 0;
  bool answers = true;  // the last line belonged to an answer
  while (std::getline(text, line)) {
    ++n;
    if (line.size() < 2 || (line[0] != '>' && line[0] != '<')) continue;
    const std::string rest = line.substr(2);
    if (line[0] == '>') {
      if (answers) {
        const size_t space = rest.find(' ');
        steps.push_back({n, rest.substr(0, space), rest.substr(space + 1), "", "", 0});
      } else {
        steps.back().body += rest;
      }
      answers = false;
    } else if (!answers) {
      steps.back().status = std::stoi(rest);
      answers = true;
    } else {
      steps.back().expected += rest + "\n";
    }
  }
  return steps;
}

TEST(Transcripts, EveryAnswerIsAsWritten) {
  int n_steps = 0;
  for (const auto& entry : std::filesystem::directory_iterator(QUIRE_SOURCE_DIR "/tests/server")) {
    if (entry.path().extension() != ".txt") continue;
    const TemporaryFolder folder;
    AppOptions options;
    options.web.state_path = folder.path() + "/app.db";
    const TestServer server(options);
    for (const Step& step : read_steps(entry.path())) {
      const std::string place = entry.path().filename().string() + ":" + std::to_string(step.line);
      const Reply reply =
          server.ask(step.method, step.path, step.body, "content-type: application/json\r\n");
      std::string body = reply.body;
      if (!body.ends_with('\n')) body += '\n';
      EXPECT_EQ(reply.status, step.status) << place << "\n" << body;
      EXPECT_TRUE(matches(body, step.expected)) << place << "\n" << body;
      ++n_steps;
    }
  }
  EXPECT_GT(n_steps, 20);
}

TEST(Transcripts, APatternDoesNotMatchEverything) {
  EXPECT_TRUE(matches("abc", "a...c"));
  EXPECT_TRUE(matches("abc", "abc"));
  EXPECT_FALSE(matches("abcd", "a...c"));
  EXPECT_FALSE(matches("xabc", "a...c"));
  EXPECT_FALSE(matches("abc", "ab"));
  EXPECT_FALSE(matches("ac", "a...b...c"));
}

}  // namespace
}  // namespace quire::server
