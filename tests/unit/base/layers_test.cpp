// The rules of the tree that a machine can check: who includes whom, and what stays out of where.
#include "base/file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Layer {
  std::string name;
  std::vector<std::string> deps;
};

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> pieces;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (end > begin) pieces.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return pieces;
}

// The layer(...) calls of a CMakeLists.txt, which start a line and may go over several.
std::vector<Layer> parse_layers(std::string_view cmake) {
  std::vector<Layer> layers;
  const std::string text = fmt::format("\n{}", cmake);
  for (size_t at = text.find("\nlayer("); at != std::string::npos; at = text.find("\nlayer(", at)) {
    at += 7;
    const auto words = split(std::string_view(text).substr(at, text.find(')', at) - at), " \n");
    if (words.empty()) continue;
    Layer layer{words[0], {}};
    bool in_deps = false;
    for (const std::string& word : words) {
      if (word == "DEPS" || word == "USES")
        in_deps = word == "DEPS";
      else if (in_deps)
        layer.deps.push_back(word);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

// What a file of a layer includes in quotes and may not.
std::vector<std::string> include_faults(const std::vector<Layer>& layers, const std::string& layer,
                                        const std::string& file, std::string_view text) {
  const auto own = std::find_if(layers.begin(), layers.end(),
                                [&](const Layer& each) { return each.name == layer; });
  if (own == layers.end()) return {fmt::format("{}: layer '{}' is not declared", file, layer)};
  std::vector<std::string> faults;
  int line_number = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    const auto words = split(line, " \t");
    if (words.empty() || !words[0].starts_with('#')) continue;
    const size_t open = line.find('"');
    if (line.find("include") == std::string_view::npos || open == std::string_view::npos) continue;
    const std::string_view path = line.substr(open + 1, line.find('"', open + 1) - open - 1);
    const size_t slash = path.find('/');
    const std::string folder(path.substr(0, slash == std::string_view::npos ? 0 : slash));
    if (folder != layer && !contains(own->deps, folder))
      faults.push_back(
          fmt::format("{}:{}: '{}' may not include \"{}\"; its layer line in "
                      "CMakeLists.txt lists: {}",
                      file, line_number, layer, path, fmt::join(own->deps, " ")));
  }
  return faults;
}

// Every layer may only depend on layers declared above it, so there is no cycle.
std::vector<std::string> order_faults(const std::vector<Layer>& layers) {
  std::vector<std::string> faults, above;
  for (const Layer& layer : layers) {
    if (contains(above, layer.name)) faults.push_back(layer.name + " is declared twice");
    for (const std::string& dep : layer.deps)
      if (!contains(above, dep))
        faults.push_back(fmt::format("{} depends on {}, which is not above it", layer.name, dep));
    above.push_back(layer.name);
  }
  return faults;
}

struct SourceFile {
  std::string path;   // "src/base/file.h"
  std::string layer;  // "base"
  std::string text;
  bool header() const { return path.ends_with(".h"); }
};

std::vector<SourceFile> source_files() {
  namespace fs = std::filesystem;
  const fs::path root = QUIRE_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(root / "src")) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cpp" && extension != ".inc") continue;
    auto text = read_file(entry.path().string());
    if (!text.has_value()) continue;  // gone between the listing and the reading
    files.push_back({fs::relative(entry.path(), root).string(),
                     entry.path().parent_path().filename().string(), *std::move(text)});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<Layer> declared_layers() {
  return parse_layers(read_file(QUIRE_SOURCE_DIR "/CMakeLists.txt").value());
}

const char* const example =
    "# layer(comment DEPS nothing)\n"
    "layer(base)\n"
    "layer(tensor  DEPS base)\n"
    "layer(text    DEPS base USES PkgConfig::PCRE2)\n"
    "layer(cli     DEPS text tensor\n"
    "              base USES PkgConfig::EDIT)\n";

TEST(LayerRules, AreReadFromCMake) {
  const auto layers = parse_layers(example);
  ASSERT_EQ(layers.size(), 4u);
  EXPECT_THAT(layers[0].deps, IsEmpty());
  EXPECT_THAT(layers[2].deps, ElementsAre("base"));
  EXPECT_THAT(layers[3].deps, ElementsAre("text", "tensor", "base"));
}

TEST(LayerRules, NameFileLineAndForbiddenInclude) {
  const auto layers = parse_layers(example);
  EXPECT_THAT(include_faults(layers, "tensor", "src/tensor/a.h",
                             "#pragma once\n#include \"base/b.h\"\n#include <vector>\n"
                             "  #  include \"text/c.h\"\n"),
              ElementsAre("src/tensor/a.h:4: 'tensor' may not include \"text/c.h\"; its layer line "
                          "in CMakeLists.txt lists: base"));
}

TEST(LayerRules, ForbidIncludesWithoutALayer) {
  const auto layers = parse_layers(example);
  EXPECT_EQ(include_faults(layers, "base", "a.h", "#include \"file.h\"\n").size(), 1u);
  EXPECT_EQ(include_faults(layers, "base", "a.h", "#include \"../base/file.h\"\n").size(), 1u);
  EXPECT_EQ(include_faults(layers, "unknown", "a.h", "").size(), 1u);
}

TEST(LayerRules, FindDependenciesThatPointUp) {
  EXPECT_THAT(order_faults(parse_layers(example)), IsEmpty());
  EXPECT_THAT(order_faults(parse_layers("layer(a DEPS b)\nlayer(b DEPS a)\n")),
              ElementsAre("a depends on b, which is not above it"));
  EXPECT_THAT(order_faults(parse_layers("layer(a DEPS a)\n")).size(), 1u);
}

TEST(SourceTree, HasNoDependencyThatPointsUp) {
  const auto layers = declared_layers();
  EXPECT_GE(layers.size(), 10u);
  EXPECT_THAT(order_faults(layers), IsEmpty());
}

TEST(SourceTree, IncludesOnlyWhatItsLayerAllows) {
  const auto layers = declared_layers();
  const auto files = source_files();
  EXPECT_GE(files.size(), 20u);
  for (const SourceFile& file : files)
    for (const std::string& fault : include_faults(layers, file.layer, file.path, file.text))
      ADD_FAILURE() << fault;
}

TEST(SourceTree, IsOneFolderDeep) {
  for (const SourceFile& file : source_files())
    EXPECT_EQ(split(file.path, "/").size(), 3u) << file.path;
}

TEST(SourceTree, HeadersAreIncludedOnce) {
  for (const SourceFile& file : source_files())
    EXPECT_TRUE(!file.header() || file.text.find("\n#pragma once\n") != std::string::npos)
        << file.path;
}

TEST(SourceTree, KeepsHeavyStandardHeadersOut) {
  for (const SourceFile& file : source_files()) {
    for (const char* header : {"<iostream>", "<regex>", "<format>"})
      EXPECT_EQ(file.text.find(fmt::format("#include {}", header)), std::string::npos)
          << file.path << " includes " << header;
    for (const char* header : {"<filesystem>", "<ranges>"})
      EXPECT_FALSE(file.header() &&
                   file.text.find(fmt::format("#include {}", header)) != std::string::npos)
          << file.path << " includes " << header;
  }
}

TEST(SourceTree, ReadsTheEnvironmentOnlyInCli) {
  for (const SourceFile& file : source_files())
    EXPECT_TRUE(file.layer == "cli" || file.text.find("getenv(") == std::string::npos)
        << file.path << " reads the environment; pass the value down from cli instead";
}

}  // namespace
}  // namespace quire
