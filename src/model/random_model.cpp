#include "model/random_model.h"

#include "base/rng.h"
#include "format/gguf_write.h"
#include "graph/builder.h"
#include "quant/codec.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_io.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

namespace quire {
namespace {

constexpr int64_t deck_elements = 1 << 16;  // encoded for each type: the slowest takes 0.2 s
constexpr int64_t chunk_bytes = 1 << 20;    // of a tensor, filled from one seed

// Blocks of one type to deal from; types without blocks come 32 elements at a time.
struct Deck {
  int64_t n_cards = 0, card_bytes = 0;
  std::vector<std::byte> cards;
};

Deck make_deck(DType dtype, double deviation, uint64_t seed) {
  const int64_t card = std::max<int64_t>(32, info(dtype).block_size);
  Deck deck{deck_elements / card, row_bytes(dtype, card), {}};
  std::vector<float> numbers(static_cast<size_t>(deck.n_cards * card));
  Rng rng(seed);
  for (float& number : numbers) number = static_cast<float>(deviation * rng.normal());
  deck.cards.resize(static_cast<size_t>(deck.n_cards * deck.card_bytes));
  codec(dtype)->encode(numbers.data(), deck.cards.data(), static_cast<int64_t>(numbers.size()));
  return deck;
}

void deal(const Deck& deck, std::byte* to, int64_t n_bytes, uint64_t seed) {
  Rng rng(seed);
  while (n_bytes > 0) {
    const auto card = static_cast<int64_t>(rng.below(static_cast<uint64_t>(deck.n_cards)));
    const int64_t n = std::min(n_bytes, deck.card_bytes);
    std::memcpy(to, deck.cards.data() + card * deck.card_bytes, static_cast<size_t>(n));
    to += n, n_bytes -= n;
  }
}

class Dealer {
 public:
  Dealer(uint64_t seed, ThreadPool& pool) : seed_(seed), pool_(pool) {}

  void fill(const Tensor& tensor) {
    const Deck& deck = deck_for(tensor.dtype(), tensor.shape().last());
    // Whole blocks to a chunk.
    const int64_t chunk = chunk_bytes / deck.card_bytes * deck.card_bytes;
    const uint64_t first_seed = seed_ + (++n_tensors_ << 32);
    const int64_t n_bytes = tensor.n_bytes();
    pool_.for_each((n_bytes + chunk - 1) / chunk, 1, [&](int64_t i, int) {
      deal(deck, tensor.data() + i * chunk, std::min(chunk, n_bytes - i * chunk),
           first_seed + static_cast<uint64_t>(i));
    });
  }
  void fill_vector(const Tensor& tensor, double mean, double deviation) {
    Rng rng(seed_ + (++n_tensors_ << 32));
    float* to = tensor.f32();
    for (int64_t i = 0; i < tensor.shape().n_elements(); ++i)
      to[i] = static_cast<float>(mean + deviation * rng.normal());
  }

 private:
  const Deck& deck_for(DType dtype, int64_t width) {
    const auto [found, is_new] = decks_.try_emplace({dtype, width});
    if (is_new) found->second = make_deck(dtype, 1 / std::sqrt(static_cast<double>(width)), seed_);
    return found->second;
  }

  uint64_t seed_, n_tensors_ = 0;
  ThreadPool& pool_;
  std::map<std::pair<DType, int64_t>, Deck> decks_;
};

struct Slot {
  std::string name;
  DType dtype;
  Shape shape;
};

Result<std::vector<Slot>> parameter_slots(const Hparams& hparams, const TypeMix& mix) {
  GraphBuilder builder;
  TRY(find_arch(hparams.arch))->build(builder, hparams);
  const Graph graph = TRY(builder.finish());
  std::vector<Slot> slots;
  for (const ValueId id : graph.all(Role::parameter)) {
    const Value& value = graph.value(id);
    Shape shape;
    shape.rank = static_cast<int>(value.shape.size());
    for (size_t i = 0; i < value.shape.size(); ++i) shape.n[i] = value.shape[i].n;
    slots.push_back({value.name, stored_dtype(mix, hparams, value.name, shape), shape});
  }
  return slots;
}

Result<void> check_memory(const std::vector<Slot>& slots) {
  double wanted = 0;
  for (const Slot& slot : slots)
    wanted += static_cast<double>(slot.shape.n_rows() * row_bytes(slot.dtype, slot.shape.last()));
  const double memory = static_cast<double>(::sysconf(_SC_AVPHYS_PAGES)) *
                        static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double all =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (wanted > 0.9 * all)
    return fail(Fault::limit,
                "the weights take {:.1f} GiB, this machine has {:.1f} GiB ({:.1f} free); take a "
                "smaller type or shape",
                wanted / 0x1p30, all / 0x1p30, memory / 0x1p30);
  return {};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> made_up_tokenizer(int64_t n_vocab,
                                                           const std::string& pre) {
  constexpr const char* control[] = {"<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"};
  const auto n_pieces = static_cast<size_t>(n_vocab) - std::size(control);
  CHECK(n_vocab >= 512);
  TokenizerSpec spec;
  spec.name = "(made up)";
  spec.kind = "gpt2";
  spec.pre = pre;
  spec.pre_tokenizers = TRY(pre_tokenizer_by_name(pre, spec.name));
  spec.ignore_merges = pre_tokenizer_has(pre, PreDefault::ignore_merges);
  spec.decoders.resize(1);
  spec.decoders[0].kind = DecoderSpec::Kind::byte_level;
  for (int byte = 0; byte < 256; ++byte)
    spec.pieces.push_back(bytes_to_alphabet(std::string(1, static_cast<char>(byte))));
  // Every piece with every byte behind it: no two of them are the same.
  for (size_t left = 0; spec.pieces.size() < n_pieces; ++left)
    for (size_t right = 0; right < 256 && spec.pieces.size() < n_pieces; ++right) {
      spec.merges.emplace_back(spec.pieces[left], spec.pieces[right]);
      spec.pieces.push_back(spec.pieces[left] + spec.pieces[right]);
    }
  spec.types.assign(n_pieces, TokenType::normal);
  for (const char* text : control) {
    AddedTokenSpec token;
    token.id = static_cast<int32_t>(spec.pieces.size());
    token.text = text;
    token.special = true;
    spec.added.push_back(token);
    spec.pieces.emplace_back(text);
    spec.types.push_back(TokenType::control);
  }
  spec.bos = spec.added[0].id;
  spec.eos = spec.added[1].id;
  spec.eot = spec.added[2].id;
  spec.prefix_ids = {spec.bos};
  return Tokenizer::create(std::move(spec));
}

Result<std::shared_ptr<const Model>> random_model(const Hparams& hparams, const TypeMix& mix,
                                                  const std::string& pre, uint64_t seed,
                                                  ThreadPool& pool) {
  const std::vector<Slot> slots = TRY(parameter_slots(hparams, mix));
  TRY(check_memory(slots));
  Dealer dealer(seed, pool);
  std::vector<Tensor> params;
  for (const Slot& slot : slots) {
    params.emplace_back(slot.dtype, slot.shape);
    if (slot.shape.rank > 1)
      dealer.fill(params.back());
    else if (slot.name.ends_with(".bias"))
      dealer.fill_vector(params.back(), 0, 0.02);
    else
      dealer.fill_vector(params.back(), 1, 0.02);
  }
  return Model::from_weights(hparams, std::move(params),
                             TRY(made_up_tokenizer(hparams.n_vocab, pre)));
}

Result<void> write_model(const std::string& path, const Model& model, const std::string& name,
                         const TypeMix& mix) {
  GgufWriter out;
  out.add_string("general.architecture", model.hparams().arch);
  out.add_string("general.type", "model");
  out.add_string("general.name", name);
  out.add_u32("general.file_type", static_cast<uint32_t>(mix.type));
  out.add_u32("general.quantization_version", 2);
  model.arch().write_hparams(out, model.hparams());
  TRY(write_tokenizer_metadata(out, model.tokenizer().spec()));
  const std::vector<ValueId> ids = model.graph().all(Role::parameter);
  for (size_t i = 0; i < ids.size(); ++i)
    out.add_tensor(model.graph().value(ids[i]).name, model.params()[i]);
  return out.write(path);
}

}  // namespace quire
