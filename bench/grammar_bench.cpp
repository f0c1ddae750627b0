// Token masks at a vocabulary of 128,256 tokens: made-up ones, their lengths as published
// vocabularies have them (mostly 3 to 9 bytes), or those of a tokenizer.json named by
// QUIRE_BENCH_TOKENIZER.
//
//   first    an answer under a grammar that was never used: each new place needs a walk over the
//   tokens context  objects in objects: the places are known, the contexts are new step     an
//   answer like one before: what a token costs in the long run, allowed() and accept()
#include "base/rng.h"
#include "grammar/matcher.h"
#include "grammar/output_grammar.h"
#include "text/tokenizer_io.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <set>

namespace quire {
namespace {

std::shared_ptr<const TokenVocabulary> made_up_vocabulary() {
  Rng rng(1);
  std::set<std::string> words;
  const std::string letters = "etaoinshrdlucmfwypvbgkqjxz",
                    signs = "\"'{}[]():;,.<>/=-_+*!?#$%&\\|\n\t";
  while (words.size() < 128'000 - 256) {
    std::string word;
    const uint64_t kind = rng.below(20);
    if (kind < 10) word = " ";
    const uint64_t n = 2 + rng.below(4) + rng.below(5);
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t a = rng.below(26), b = rng.below(26);
      if (kind == 19)
        word += signs[rng.below(signs.size())];
      else if (kind == 18)
        word += static_cast<char>('0' + rng.below(10));
      else if (kind >= 15)
        word += i % 2 == 0 ? "\xD0" : std::string(1, static_cast<char>(0x90 + rng.below(32)));
      else
        word += letters[std::min(a, b)];
    }
    words.insert(word);
  }
  std::vector<std::string> bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.emplace_back(1, static_cast<char>(byte));
  bytes.insert(bytes.end(), words.begin(), words.end());
  std::vector<std::string> names = bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.emplace_back();
    names.push_back("<|reserved_" + std::to_string(i) + "|>");
  }
  const auto end = static_cast<int32_t>(bytes.size() - 1);
  return TokenVocabulary::create(std::move(bytes), std::move(names), {end});
}

const std::shared_ptr<const TokenVocabulary>& vocabulary() {
  static const std::shared_ptr<const TokenVocabulary> all = [] {
    const char* path = std::getenv("QUIRE_BENCH_TOKENIZER");
    if (path == nullptr) return made_up_vocabulary();
    const auto tokenizer = load_tokenizer(path);
    return tokenizer ? TokenVocabulary::create(**tokenizer) : made_up_vocabulary();
  }();
  return all;
}

struct Kind {
  const char* name;
  const char* schema;  // or nullptr: any JSON object
  const char* text;    // an answer, of which the masks are taken at every byte that ends a token
};
const Kind kinds[] = {
    {"json", nullptr,
     R"({"name": "Anna Example", "tags": ["one", "two words", "three"], "deep": {"n": [1, 2.5, {"x": null}]}})"},
    {"schema",
     R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"email":{"type":"string","format":"email"},"tags":{"type":"array","items":{"enum":["red","green","blue"]}},"note":{"type":"string","maxLength":200}},"required":["name","age","email","tags","note"],"additionalProperties":false})",
     R"({"name": "Anna Example", "age": 42, "email": "anna@example.org", "tags": ["red", "blue"], "note": "some words that go on for a while"})"},
};

OutputGrammar grammar_of(const Kind& kind) {
  return kind.schema == nullptr ? *OutputGrammar::any_json()
                                : *OutputGrammar::from_json_schema(kind.schema, "bench");
}

std::shared_ptr<TokenMasks> masks_of(const OutputGrammar& grammar) {
  return *TokenMasks::create(grammar.automaton, vocabulary(), "bench");
}

// The masks along the answer, one for each byte of it.
int64_t walk(GrammarMatcher& matcher, const char* text) {
  int64_t n = 0;
  for (const char* c = text; *c != 0; ++c, ++n) {
    benchmark::DoNotOptimize(matcher.allowed());
    if (!matcher.accept(static_cast<uint8_t>(*c))) std::abort();
  }
  return n;
}

void per_mask(benchmark::State& state, int64_t n) {
  state.counters["us_per_mask"] = benchmark::Counter(
      static_cast<double>(n) * 1e-6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void first(benchmark::State& state) {
  const Kind& kind = kinds[state.range(0)];
  const OutputGrammar grammar = grammar_of(kind);
  int64_t n = 0;
  for (auto _ : state) {
    const auto masks = masks_of(grammar);
    GrammarMatcher matcher(masks);
    n += walk(matcher, kind.text);
  }
  state.SetLabel(kind.name);
  per_mask(state, n);
}
BENCHMARK(first)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void context(benchmark::State& state) {
  const OutputGrammar grammar = *OutputGrammar::any_json();
  const auto masks = masks_of(grammar);
  GrammarMatcher matcher(masks);
  const std::string begin = "{\"a\": {\"a\": ";
  walk(matcher, begin.c_str());
  int64_t n = 0;
  for (auto _ : state) n += walk(matcher, "{\"a\": ");
  state.SetLabel("new context");
  per_mask(state, n);
}
BENCHMARK(context)->Iterations(300)->Unit(benchmark::kMicrosecond);

void step(benchmark::State& state) {
  const Kind& kind = kinds[state.range(0)];
  const OutputGrammar grammar = grammar_of(kind);
  const auto masks = masks_of(grammar);
  int64_t n = 0;
  GrammarMatcher warm(masks);
  walk(warm, kind.text);
  for (auto _ : state) {
    GrammarMatcher matcher(masks);
    n += walk(matcher, kind.text);
  }
  state.SetLabel(kind.name);
  per_mask(state, n);
}
BENCHMARK(step)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void compile(benchmark::State& state) {
  const Kind& kind = kinds[state.range(0)];
  for (auto _ : state) benchmark::DoNotOptimize(grammar_of(kind));
  state.SetLabel(kind.name);
}
BENCHMARK(compile)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void build_vocabulary(benchmark::State& state) {
  std::vector<std::string> bytes, names;
  for (size_t id = 0; id < vocabulary()->n_tokens(); ++id) {
    bytes.emplace_back(vocabulary()->bytes(static_cast<int32_t>(id)));
    names.emplace_back(vocabulary()->name(static_cast<int32_t>(id)));
  }
  for (auto _ : state) benchmark::DoNotOptimize(TokenVocabulary::create(bytes, names, {}));
}
BENCHMARK(build_vocabulary)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quire
