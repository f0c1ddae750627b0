// Encoding speed of real tokenizers on real text, one thread. Which is said by two variables, as
// Google Benchmark takes no arguments of its own:
//   QUIRE_BENCH_TOKENIZER=tokenizer.json QUIRE_BENCH_TEXT=text bench_tokenizer
// Without them nothing is measured. The second row is the worst case of merging: one letter.
#include "base/file.h"
#include "text/tokenizer_io.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

namespace quire {
namespace {

void encode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  for (auto _ : state) {
    auto ids = tokenizer.encode(text);
    benchmark::DoNotOptimize(ids);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void encode_text(benchmark::State& state) {
  const char* path = std::getenv("QUIRE_BENCH_TOKENIZER");
  const char* text_path = std::getenv("QUIRE_BENCH_TEXT");
  if (path == nullptr || text_path == nullptr) {
    state.SkipWithError("QUIRE_BENCH_TOKENIZER and QUIRE_BENCH_TEXT name the files");
    return;
  }
  const auto tokenizer = load_tokenizer(path);
  auto text = read_file(text_path, uint64_t{1} << 30);
  if (!tokenizer || !text) {
    state.SkipWithError(tokenizer ? text.error().text.c_str() : tokenizer.error().text.c_str());
    return;
  }
  if (state.range(0) == 1) *text = std::string(1 << 20, 'a');
  encode(state, **tokenizer, *text);
}
BENCHMARK(encode_text)->ArgName("one_letter")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quire
