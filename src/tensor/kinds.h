// Choices inside an operation that the graph names and the kernels carry out.
#pragma once
#include <cstdint>

namespace quire {

// Formulas and sources: kernels/activation.h.
enum class Activation : uint8_t {
  silu,
  gelu_tanh,
  gelu_erf,
  relu,
  relu_squared,
  sigmoid,
  tanh,
  gelu_quick,
};

// Which elements of a head form pair i of n pairs that a rotary embedding turns.
enum class RopePairs : uint8_t {
  neighbours,  // 2i, 2i+1: Llama in GGUF order, GPT-J
  halves,      // i, i+n: GPT-NeoX, Hugging Face's Llama
};

// What the logits of a router become before the best are taken.
enum class RouteScores : uint8_t { softmax, sigmoid };

// Which positions a query sees, before a window narrows it.
enum class AttentionMask : uint8_t {
  causal,         // its own and all before it
  bidirectional,  // all of its sequence: encoders
};

}  // namespace quire
