#include "server/embeddings.h"

#include "base/base64.h"
#include "server/chat.h"
#include "server/completion.h"
#include "server/request_fields.h"

#include <cmath>
#include <cstring>

namespace quire::server {
namespace {

constexpr size_t texts_at_once = 8;  // between looks at whether the client is still there

// Cuts a text that is too long where the client asked for it; what the tokenizer puts at the end of
// every text stays there.
ApiResult<void> fit(const ServedModel& model, const char* name, const EmbeddingsForm& form,
                    std::vector<int32_t>& ids, int64_t& n_cut) {
  int64_t n_max = model.embedder->n_tokens_max();
  if (form.n_tokens_max > 0) n_max = std::min(n_max, form.n_tokens_max);
  const auto n = static_cast<int64_t>(ids.size());
  if (n <= n_max) return {};
  if (form.too_long == EmbeddingsForm::TooLong::refuse) {
    ApiError error = too_long(name, n, n_max);
    error.message = fmt::format(
        "{} is too large to process: input length exceeds the context length ({} of {} tokens)",
        name, n, n_max);
    error.param = name;
    return std::unexpected(error);
  }
  const auto end = model.tokenizer().suffix_ids();
  const size_t n_around = model.tokenizer().prefix_ids().size() + end.size();
  if (static_cast<size_t>(n_max) <= n_around)
    return fail_api(400, name,
                    "{}: input after truncation exceeds maximum context length: of {} tokens none "
                    "is left for the text",
                    name, n_max);
  ids.resize(static_cast<size_t>(n_max));
  std::copy_backward(end.begin(), end.end(), ids.end());
  ++n_cut;
  return {};
}

void finish_vector(std::vector<float>& vector, const EmbeddingsForm& form) {
  if (form.n_dimensions > 0) vector.resize(static_cast<size_t>(form.n_dimensions));
  double square = 0;
  for (const float x : vector) square += double{x} * x;
  if (form.scale == EmbeddingsForm::Scale::unit && square > 0)
    for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
}

std::string float_bytes(const std::vector<float>& vector) {
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  return bytes;
}

// One that is empty says nothing about itself.
ApiResult<void> check_not_empty(const Json& input) {
  if (input.is_string() && input.get_ref<const std::string&>().empty())
    return fail_api(400, "input", "input is an empty text");
  if (!input.is_array()) return {};
  for (const Json& item : input) TRY_API(check_not_empty(item));
  return {};
}

}  // namespace

ApiResult<Embedded> embed(App& app, ServedModel& model, const Json& input, const char* name,
                          Exchange& exchange, const EmbeddingsForm& form) {
  if (model.embedder->ranks() && form.of == EmbeddingsForm::Of::vectors)
    return fail_api(400, "model",
                    "{} is a cross-encoder: it gives scores (/v1/rerank) and no vectors",
                    model.name);
  if (form.n_dimensions > model.model->hparams().n_embd)
    return fail_api(400, "dimensions", "dimensions {} cannot be had: vectors of {} have {}",
                    form.n_dimensions, model.name, model.model->hparams().n_embd);
  auto prompts = TRY_API(prompts_of(model.tokenizer(), input, name,
                                    static_cast<size_t>(app.options.limits.n_inputs_max)));
  Embedded result;
  int64_t n_cut = 0;
  std::vector<EmbedText> texts;
  for (auto& ids : prompts) {
    TRY_API(fit(model, name, form, ids, n_cut));
    result.n_tokens += static_cast<int64_t>(ids.size());
    texts.push_back({ids});
  }
  if (n_cut > 0) exchange.add_header("x-quire-truncated-inputs", std::to_string(n_cut));
  // What /lora-adapters sets counts here, too.
  const auto strengths = model.host ? model.host->strengths() : std::vector<float>{};
  for (size_t i = 0; i < texts.size(); i += texts_at_once) {
    if (exchange.stop_token().stop_requested()) return fail_api(499, "", "the client left");
    const auto some = std::span(texts).subspan(i, std::min(texts_at_once, texts.size() - i));
    for (std::vector<float>& vector : TRY_API(model.embedder->embed(some, strengths))) {
      finish_vector(vector, form);
      result.vectors.push_back(std::move(vector));
    }
  }
  exchange.n_prompt = result.n_tokens;
  return result;
}

ApiResult<Json> input_of(const App& app, const Json& body, const ServedModel& model) {
  Fields fields(body);
  const Json* messages = fields.array("messages");
  if (messages == nullptr) {
    const Json* input = fields.find("input");
    if (input == nullptr) fields.complain("input", "is missing");
    TRY_API(fields.done());
    if (!app.options.like_llama_server) TRY_API(check_not_empty(*input));
    return *input;
  }
  if (fields.has("input")) fields.complain("input", "and messages are both there: one is taken");
  ChatRequest chat;
  chat.messages = *messages;
  chat.no_answer = !fields.flag("add_generation_prompt", false);
  TRY_API(fields.done());
  return Json(TRY_API(render_chat(app, model, chat)).ids);
}

int64_t read_n_kept(Fields& fields) {
  return fields.integer("truncate_prompt_tokens", 0, -1, INT32_MAX);
}

ApiResult<void> cut_to(EmbeddingsForm& form, int64_t n_kept, const ServedModel& model) {
  if (n_kept > model.embedder->n_tokens_max())
    return fail_api(400, "truncate_prompt_tokens",
                    "truncate_prompt_tokens is {}, more than the {} tokens that {} reads", n_kept,
                    model.embedder->n_tokens_max(), model.name);
  if (n_kept != 0) form.too_long = EmbeddingsForm::TooLong::cut;
  form.n_tokens_max = std::max<int64_t>(0, n_kept);
  return {};
}

Encoding read_encoding(Fields& fields) {
  const bool base64 = fields.word("encoding_format", "float", {"float", "base64"}) == "base64";
  return base64 ? Encoding::base64 : Encoding::numbers;
}

Json vector_json(const std::vector<float>& vector, Encoding encoding) {
  if (encoding == Encoding::base64) return base64_encoded(float_bytes(vector));
  return vector;
}

}  // namespace quire::server
