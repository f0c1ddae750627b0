#include "model/shapes.h"

namespace quire {
namespace {

struct Sizes {
  int64_t V, D, L, F, H, G, E, n_ctx;
  double rope_theta;
};

Hparams decoder(const char* arch, const Sizes& sizes) {
  Hparams h;
  h.arch = arch;
  h.n_vocab = sizes.V;
  h.n_embd = sizes.D;
  h.n_layer = sizes.L;
  h.n_ff = sizes.F;
  h.n_head = sizes.H;
  h.n_head_kv = sizes.G;
  h.head_dim = h.n_rot = sizes.E;
  h.n_ctx_train = sizes.n_ctx;
  h.rope_theta = static_cast<float>(sizes.rope_theta);
  return h;
}

// The factors of Llama 3's own stretch are left out: they cost no time.
Hparams llama_1b() {
  Hparams h = decoder("llama", {128256, 2048, 16, 8192, 32, 8, 64, 131072, 5e5});
  h.tied_head = true;
  return h;
}
Hparams llama_3b() {
  Hparams h = decoder("llama", {128256, 3072, 28, 8192, 24, 8, 128, 131072, 5e5});
  h.tied_head = true;
  return h;
}
Hparams llama_8b() { return decoder("llama", {128256, 4096, 32, 14336, 32, 8, 128, 131072, 5e5}); }
Hparams llama_7b() { return decoder("llama", {32000, 4096, 32, 11008, 32, 32, 128, 4096, 1e4}); }
Hparams mistral_7b() { return decoder("llama", {32768, 4096, 32, 14336, 32, 8, 128, 32768, 1e6}); }
Hparams stories_15m() { return decoder("llama", {32000, 288, 6, 768, 6, 6, 48, 256, 1e4}); }

constexpr KnownShape shapes[] = {
    {"llama-1b", "Llama-3.2-1B", "llama-bpe", llama_1b},
    {"llama-3b", "Llama-3.2-3B", "llama-bpe", llama_3b},
    {"llama-8b", "Llama-3.1-8B", "llama-bpe", llama_8b},
    {"llama-7b", "Llama-2-7B", "gpt-2", llama_7b},
    {"mistral-7b", "Mistral-7B-v0.3", "gpt-2", mistral_7b},
    {"stories15m", "stories15M", "gpt-2", stories_15m},
};

}  // namespace

std::span<const KnownShape> all_shapes() { return shapes; }

Result<KnownShape> find_shape(std::string_view name) {
  std::string known;
  for (const KnownShape& shape : shapes) {
    if (name == shape.name) return shape;
    known += known.empty() ? "" : ", ";
    known += shape.name;
  }
  return fail(Fault::usage, "unknown shape '{}'; known are: {}", name, known);
}

}  // namespace quire
