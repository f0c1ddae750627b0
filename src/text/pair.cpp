#include "text/pair.h"

namespace quire {

Result<EncodedPair> encode_pair(const Tokenizer& tokenizer, std::string_view first,
                                std::string_view second) {
  const auto suffix = tokenizer.suffix_ids();
  if (suffix.empty())
    return fail(Fault::unsupported,
                "{}: its tokenizer puts no separator behind a text, so it cannot join two",
                tokenizer.spec().name);
  const EncodeOptions plain{.add = AddSpecial::never, .parse = ParseSpecial::as_text};
  const std::vector<int32_t> a = TRY(tokenizer.encode(first, plain));
  const std::vector<int32_t> b = TRY(tokenizer.encode(second, plain));
  EncodedPair pair;
  const auto append = [&](std::span<const int32_t> ids) {
    pair.ids.insert(pair.ids.end(), ids.begin(), ids.end());
  };
  append(tokenizer.prefix_ids());
  append(a);
  append(suffix);
  const bool twice = tokenizer.piece(suffix.back()) == "</s>";
  const size_t n_first = pair.ids.size();
  if (twice) append(suffix);
  append(b);
  append(suffix);
  pair.types.assign(pair.ids.size(), 0);
  if (!twice)
    std::fill(pair.types.begin() + static_cast<std::ptrdiff_t>(n_first), pair.types.end(), 1);
  return pair;
}

}  // namespace quire
