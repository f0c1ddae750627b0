// Texts to vectors or scores, whichever API asks for them.
#pragma once
#include "server/app.h"
#include "server/fields.h"

#include <vector>

namespace quire::server {

// What a request wants of its texts.
struct EmbeddingsForm {
  enum class Scale : uint8_t { unit, none };
  enum class TooLong : uint8_t { refuse, cut };
  enum class Of : uint8_t { vectors, anything };  // anything: of a cross-encoder its scores, too
  Scale scale = Scale::unit;
  TooLong too_long = TooLong::refuse;
  Of of = Of::vectors;
  int64_t n_dimensions = 0;  // the first so many of a vector; 0: all
  int64_t n_tokens_max = 0;  // of a text, where that is less than the model knows; 0: no limit
};

struct Embedded {
  std::vector<std::vector<float>> vectors;
  int64_t n_tokens = 0;
};

// input: a text, tokens, or an array of them (prompts_of). 400 for a text that is too long and may
// not be cut; what was cut is said in x-quire-truncated-inputs.
ApiResult<Embedded> embed(App& app, ServedModel& model, const Json& input, const char* name,
                          Exchange& exchange, const EmbeddingsForm& form);

// The field "input", 400 for an empty text, or the tokens of "messages" as the model's chat
// template shows them, without the beginning of an answer unless add_generation_prompt asks for it.
ApiResult<Json> input_of(const App& app, const Json& body, const ServedModel& model);

// truncate_prompt_tokens, as vLLM has it: 0 when it is missing, -1: to what the model reads.
int64_t read_n_kept(Fields& fields);
// 400 when that is more than the model reads.
ApiResult<void> cut_to(EmbeddingsForm& form, int64_t n_kept, const ServedModel& model);

// encoding_format: numbers, or the bytes of f32 in base64.
enum class Encoding : uint8_t { numbers, base64 };
Encoding read_encoding(Fields& fields);
Json vector_json(const std::vector<float>& vector, Encoding encoding);

}  // namespace quire::server
