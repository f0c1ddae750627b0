// A LoRA of a PEFT folder as a GGUF file, as llama.cpp's convert_lora_to_gguf.py writes it:
// general.type "adapter", adapter.type "lora", adapter.lora.alpha, tensors NAME.lora_a and .lora_b.
#pragma once
#include "base/result.h"

#include <string>

namespace quire {

// `weights` is the model that the adapter was trained on, by which its modules find their names.
// The file has one alpha; a matrix that the folder scales otherwise has that in its lora_b. Errors
// as load_lora() has them (model/adapter.h).
Result<void> make_gguf_lora(const std::string& from, const std::string& to,
                            const std::string& weights);

}  // namespace quire
