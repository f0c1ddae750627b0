// What happens to a tensor on its way from a Hugging Face checkpoint to GGUF, as far as families
// share it.
#include "model/hf_family.h"

namespace quire {
namespace {

// transformers turns element i of a head with i + E/2, GGUF's Llama turns 2i with 2i + 1: so row
// (h, i, half) comes from row (h, half, i).
Result<void> pair_rows(HfImport& import, const HfMatch& match, int64_t n_heads) {
  HfRows rows = TRY(import.rows(match.from));
  const int64_t n_rows = rows.shape[0];
  TRY(import.expect(n_heads > 0 && n_rows % n_heads == 0 && n_rows / n_heads % 2 == 0, match.from,
                    rows.shape,
                    fmt::format("{} heads of an even width are to be cut from it", n_heads)));
  const int64_t width = n_rows / n_heads;
  return import.add(match.to, permuted_rows(std::move(rows), [width](int64_t row) {
                      const int64_t head = row / width, at = row % width;
                      return head * width + at % 2 * (width / 2) + at / 2;
                    }));
}

}  // namespace

Result<void> keep(HfImport& import, const HfMatch& match) {
  return import.add(match.to, TRY(import.rows(match.from)));
}

Result<void> drop(HfImport&, const HfMatch&) { return {}; }

Result<void> query_pairs(HfImport& import, const HfMatch& match) {
  return pair_rows(import, match, import.n_head());
}

Result<void> key_pairs(HfImport& import, const HfMatch& match) {
  return pair_rows(import, match, import.n_head_kv());
}

Result<void> transposed(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  if (rows.shape.rank == 1) return import.add(match.to, std::move(rows));
  TRY(import.expect(rows.shape.rank == 2 && rows.mapped != nullptr, match.from, rows.shape,
                    "a matrix (in, out) of F32, F16 or BF16 is needed"));
  return import.add(match.to, transposed_rows(rows));
}

Result<void> plus_one(HfImport& import, const HfMatch& match) {
  return import.add(match.to,
                    computed_rows(TRY(import.rows(match.from)), [](float x) { return x + 1; }));
}

Result<void> stacked(HfImport& import, const HfMatch& match) {
  return import.add_part(match.to, match.expert, TRY(import.rows(match.from)));
}

}  // namespace quire
