// A sentencepiece model and the files beside it: any bytes are read or refused, and what is read
// becomes a tokenizer, or is refused there, and turns text into ids of its own.
#include "text/sentencepiece.h"
#include "text/tokenizer.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  // Texts beside the model follow it, each behind a line "----".
  constexpr std::string_view mark = "\n----\n";
  const auto next = [&] {
    const size_t end = rest.find(mark);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + mark.size());
    return part;
  };
  const std::string_view model = next(), config = next(), added = next();
  auto spec = quire::read_sentencepiece(model, "input");
  if (!spec || !quire::add_sentencepiece_config(*spec, config, added)) return 0;
  const auto tokenizer = quire::Tokenizer::create(*std::move(spec));
  if (!tokenizer) return 0;
  const auto ids = (*tokenizer)->encode("the boats, twice\n<s> \u00e9");
  if (!ids) return 0;
  for (const int32_t id : *ids)
    if (id < 0 || id >= (*tokenizer)->n_vocab()) __builtin_trap();
  (void)(*tokenizer)->decode(*ids);
  return 0;
}
