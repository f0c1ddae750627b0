#include "model/type_mix.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace quire {
namespace {

constexpr TypeMix mixes[] = {
#define TYPE_MIX(enumerator, id, name, base) {FileType::enumerator, name, base},
#include "model/type_mixes.inc"
#undef TYPE_MIX
};

enum class Part { output, embedding, q, k, v, qkv, attn_output, gate, up, down, other };

Part part_of(std::string_view tensor) {
  constexpr std::pair<std::string_view, Part> names[] = {{"attn_qkv.", Part::qkv},
                                                         {"attn_q.", Part::q},
                                                         {"attn_k.", Part::k},
                                                         {"attn_v.", Part::v},
                                                         {"attn_output.", Part::attn_output},
                                                         {"ffn_gate", Part::gate},
                                                         {"ffn_up", Part::up},
                                                         {"ffn_down", Part::down}};
  if (tensor == "output.weight") return Part::output;
  if (tensor == "token_embd.weight") return Part::embedding;
  for (const auto& [name, part] : names)
    if (tensor.find(name) != std::string_view::npos) return part;
  return Part::other;
}

// N of "blk.N."; 0 for a tensor outside the layers.
int64_t layer_of(std::string_view tensor) {
  int64_t layer = 0;
  if (tensor.starts_with("blk.")) {
    tensor.remove_prefix(4);
    std::from_chars(tensor.data(), tensor.data() + tensor.size(), layer);
  }
  return layer;
}

struct Place {
  FileType type;
  DType base;
  int64_t layer, n_layer;
  int64_t n_shared;  // query heads that share a key/value head
  int64_t width;     // of a row

  bool is(std::initializer_list<FileType> types) const {
    return std::find(types.begin(), types.end(), type) != types.end();
  }
  bool in_first(int64_t share) const { return layer < n_layer / share; }
  // The first and the last eighth, and every third layer between them.
  bool sensitive() const {
    const int64_t eighth = n_layer / 8;
    return layer < eighth || layer >= 7 * n_layer / 8 || (layer - eighth) % 3 == 2;
  }
  // The types of two bits and less.
  bool tiny() const { return is({iq1_s, iq1_m, iq2_xxs, iq2_xs, iq2_s, iq2_m}); }
  DType tiny_wider() const { return is({iq2_s, iq2_m}) ? DType::iq3_s : DType::q2_k; }

  using enum FileType;
  DType output() const {
    if (base == DType::q8_0 || base == DType::mxfp4 || width % 256 != 0) return DType::q8_0;
    return tiny() || is({iq3_xxs}) ? DType::q5_k : DType::q6_k;
  }
  DType embedding() const {
    if (is({iq2_xxs, iq2_xs, iq1_s, iq1_m})) return DType::q2_k;
    if (is({iq2_s, iq2_m, iq3_xxs})) return DType::iq3_s;
    if (is({tq1_0, tq2_0, q2_0})) return DType::q4_k;
    return base;
  }
  DType values() const {
    const bool shared = n_shared >= 4;
    if (tiny()) return shared ? DType::q4_k : tiny_wider();
    if (is({q2_k})) return shared ? DType::q4_k : DType::q3_k;
    if (is({iq3_xxs})) return shared ? DType::q4_k : DType::iq3_s;
    if (is({q2_k_s, iq3_xs, iq3_s}) && shared) return DType::q4_k;
    if (is({iq3_m})) return DType::q4_k;
    if (is({q3_k_m})) return layer < 2 ? DType::q5_k : DType::q4_k;
    if (is({q3_k_l})) return DType::q5_k;
    if (is({iq4_nl, iq4_xs}) && shared) return DType::q5_k;
    if (is({q4_k_m, q5_k_m}) && sensitive()) return DType::q6_k;
    if (is({q4_k_s}) && layer < 4) return DType::q5_k;
    return base;
  }
  DType queries_or_keys() const {
    if (is({iq3_xs})) return DType::iq3_xxs;
    if (is({iq3_xxs})) return DType::iq2_s;
    return base;
  }
  DType fused() const {
    if (is({q3_k_m, q3_k_l, iq3_m})) return DType::q4_k;
    if (is({q4_k_m})) return DType::q5_k;
    if (is({q5_k_m})) return DType::q6_k;
    return base;
  }
  DType attn_output() const {
    if (is({iq1_s, iq1_m})) return DType::iq2_xxs;
    if (is({iq2_s, iq2_m, iq3_xxs})) return DType::iq3_s;
    if (is({q2_k})) return DType::q3_k;
    if (is({q3_k_m, iq3_m})) return DType::q4_k;
    if (is({q3_k_l})) return DType::q5_k;
    return base;
  }
  DType gate_or_up() const {
    const bool middle = layer >= n_layer / 8 && layer < 7 * n_layer / 8;
    return is({iq3_xs}) && middle ? DType::iq3_xxs : base;
  }
  DType down() const {
    if (tiny()) return in_first(8) ? tiny_wider() : base;
    if (is({q2_k})) return DType::q3_k;
    if (is({q2_k_s, iq3_m}) && in_first(8)) return DType::q4_k;
    if (is({iq3_xxs})) return in_first(8) ? DType::q4_k : DType::q3_k;
    if (is({q3_k_m})) return in_first(16) ? DType::q5_k : DType::q4_k;
    if (is({q3_k_l})) return DType::q5_k;
    if (is({q4_k_m, q5_k_m}) && sensitive()) return DType::q6_k;
    if (is({q4_k_s, iq4_nl, iq4_xs}) && in_first(8)) return DType::q5_k;
    return base;
  }

  DType of(Part part) const {
    switch (part) {
      case Part::output:
        return output();
      case Part::embedding:
        return embedding();
      case Part::v:
        return values();
      case Part::q:
      case Part::k:
        return queries_or_keys();
      case Part::qkv:
        return fused();
      case Part::attn_output:
        return attn_output();
      case Part::gate:
      case Part::up:
        return gate_or_up();
      case Part::down:
        return down();
      case Part::other:
        return base;
    }
    return base;
  }
};

// What a row of `width` can be stored as, for one that does not fill the type's blocks.
DType fitting(DType dtype, int64_t width) {
  if (width % info(dtype).block_size == 0) return dtype;
  DType smaller = DType::iq4_nl;
  if (dtype == DType::q4_k) smaller = DType::q5_0;
  if (dtype == DType::q5_k) smaller = DType::q5_1;
  if (dtype == DType::q6_k) smaller = DType::q8_0;
  if (dtype == DType::tq1_0 || dtype == DType::tq2_0 || dtype == DType::q2_0) smaller = DType::q4_0;
  return width % info(smaller).block_size == 0 ? smaller : DType::f16;
}

}  // namespace

bool stays_f32(std::string_view tensor, const Shape& shape) {
  if (shape.rank < 2 || !tensor.ends_with(".weight")) return true;  // biases of experts, ssm_a
  constexpr std::string_view tables[] = {"position_embd.", "token_types.",  "_norm.",
                                         "_norm_2.",       "ffn_gate_inp.", "ssm_conv1d."};
  return std::ranges::any_of(
      tables, [&](std::string_view part) { return tensor.find(part) != tensor.npos; });
}

std::span<const TypeMix> all_type_mixes() { return mixes; }

Result<TypeMix> type_mix(std::string_view name) {
  std::string lower(name), known;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const TypeMix& mix : mixes) {
    if (lower == mix.name) return mix;
    known += known.empty() ? "" : ", ";
    known += mix.name;
  }
  return fail(Fault::usage, "unknown type '{}'; known are: {}", name, known);
}

DType stored_dtype(const TypeMix& mix, const Hparams& h, std::string_view tensor,
                   const Shape& shape) {
  if (stays_f32(tensor, shape)) return DType::f32;
  DType dtype = mix.base;
  if (!mix.pure && info(dtype).block_size > 1) {
    Part part = part_of(tensor);
    if (part == Part::embedding && h.tied_head) part = Part::output;
    const Place place{mix.type,
                      mix.base,
                      layer_of(tensor),
                      h.n_layer,
                      h.n_head / std::max<int64_t>(1, h.n_head_kv),
                      shape.last()};
    dtype = place.of(part);
  }
  return fitting(dtype, shape.last());
}

}  // namespace quire
