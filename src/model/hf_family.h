// Model families of the Hugging Face hub: one file each (model/hf_NAME.cpp), one line each in
// model/hf_families.inc. A family says which `model_type` it reads, what of config.json becomes
// which GGUF key, and what each tensor is called in GGUF. An architecture's own file
// (model/NAME.cpp) never sees where its numbers came from.
//
//   constexpr HfRule rules[] = {{"embed_tokens", "token_embd"},
//                               {"layers.#.self_attn.q_proj", "blk.#.attn_q", query_pairs}, ...};
//
// In a name `#` is the number of a layer and `*` that of an expert; `.weight` and `.bias` are
// carried over. "model.", "transformer." and the like in front are cut off before matching. Names
// that a family says nothing about are those of Llama's layer (common_rules()), which most share.
#pragma once
#include "model/hf_import.h"

#include <optional>
#include <span>

namespace quire {

struct HfMatch {
  std::string from;     // the tensor in the checkpoint
  std::string to;       // its name in GGUF, whole
  std::string suffix;   // ".weight", ".bias" or ""
  int64_t layer = -1;   // the number at `#`
  int64_t expert = -1;  // the number at `*`
};
using HfTransform = Result<void> (*)(HfImport& import, const HfMatch& match);

// The transforms that families share; model/hf_transforms.cpp.
Result<void> keep(HfImport& import, const HfMatch& match);
Result<void> drop(HfImport& import, const HfMatch& match);  // of no use here
// Rows of each head from halves (i, i + E/2) to neighbours (2i, 2i + 1), as rope turns them.
Result<void> query_pairs(HfImport& import, const HfMatch& match);
Result<void> key_pairs(HfImport& import, const HfMatch& match);
Result<void> transposed(HfImport& import, const HfMatch& match);  // GPT-2's Conv1D: (in, out)
Result<void> plus_one(HfImport& import, const HfMatch& match);    // Gemma's norms
Result<void> stacked(HfImport& import, const HfMatch& match);     // experts: one tensor of all
Result<void> as_vector(HfImport& import, const HfMatch& match);   // (1, N) or (N, 1) as (N)
// Of a classification head; without the head's last matrix, of no use.
Result<void> for_scores(HfImport& import, const HfMatch& match);

// How a low-rank change B A of a weight follows the rule's transform of that weight.
enum class LowRank : uint8_t {
  shared,  // as model/peft_adapter.cpp knows of the transforms above
  rows,    // the transform moves rows only, and those of B move with them
  heads,   // two stacks of matrices, one of each head: the first turned the other way around
};

struct HfRule {
  const char* from;
  const char* to;
  HfTransform transform = keep;
  LowRank low_rank = LowRank::shared;
};

// config.json's model_type, and general.architecture of the model it describes.
struct HfModelType {
  const char* model_type;
  const char* arch;
};

struct HfFamily {
  std::span<const HfModelType> types;
  // What read_hparams() of the architecture will look for.
  Result<void> (*metadata)(HfMetadata& metadata);
  std::span<const HfRule> rules;
};

// Llama's layer, heads turned by halves, the experts of Qwen and DeepSeek, and what stands around
// layers: searched behind a family's own rules.
std::span<const HfRule> common_rules();

// A tensor of a checkpoint and the rule that it falls under.
struct HfName {
  const HfRule* rule;
  HfMatch match;
};
// The first rule that fits, of the family or a common one, without a look at the tensor; nothing
// when there is none.
std::optional<HfName> name_hf_tensor(const HfFamily& family, const std::string& name);
// Without what some checkpoints have before all names: "model.", "transformer.", ...
std::string_view without_hf_prefix(std::string_view name);

struct HfFamilyEntry {
  const HfFamily* family;
  const HfModelType* type;
};
// unsupported with the types that are known; `where` names the file.
Result<HfFamilyEntry> find_hf_family(std::string_view model_type, std::string_view where);
bool knows_hf_model_type(std::string_view model_type);
// Those with models of this architecture (general.architecture).
std::vector<const HfFamily*> hf_families_of(std::string_view arch);

}  // namespace quire
