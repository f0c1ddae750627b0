// A hostile tokenizer.json: it loads or fails with an error, and what loads encodes and decodes.
#include "text/tokenizer_io.h"

#include <cstdint>
#include <cstdlib>

using namespace quire;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = Tokenizer::from_json(text);
  if (!tokenizer) return 0;
  for (const std::string_view sample :
       {"", " a  b", "The 12 don't\n\n stop <s>x</s>",
        "e\xCC\x81 \xE4\xB8\x80\xF0\x9F\x91\x8D\xFF\xC3 z",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    for (const ParseSpecial parse : {ParseSpecial::as_tokens, ParseSpecial::as_text}) {
      const auto ids = (*tokenizer)->encode(sample, {AddSpecial::as_model, parse});
      if (!ids) continue;
      for (const int32_t id : *ids) {
        if (id < 0 || id >= (*tokenizer)->n_vocab()) std::abort();
      }
      StreamDecoder stream(*tokenizer);
      std::string streamed;
      for (const int32_t id : *ids) streamed += stream.push(id);
      if (streamed + stream.flush() != (*tokenizer)->decode(*ids)) std::abort();
    }
  }
  // What can be written must load again.
  if (const auto written = tokenizer_json((*tokenizer)->spec()); written) {
    if (!Tokenizer::from_json(*written)) std::abort();
  }
  return 0;
}
