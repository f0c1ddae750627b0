// Chats, whatever API they come through: every route turns its request into a ChatRequest in the
// form of OpenAI's chat completions, and gets the answer as deltas that it writes in its own form.
//
//   ChatRequest request = ...;
//   const PreparedChat chat = TRY_API(prepare_chat(app, *model, request));   // errors: 4xx
//   run_chat(chat, exchange, [&](const ChatDelta& delta) { ... });           // from here on it
//   answers
#pragma once
#include "chat/reply_parser.h"
#include "chat/tool_grammar.h"
#include "server/app.h"
#include "server/request_fields.h"

#include <functional>

namespace quire::server {

struct ChatRequest {
  Json messages = Json::array();
  Json tools = Json::array();  // {"type": "function", "function": {...}}
  ToolChoice tool_choice;
  bool parallel_tool_calls = true;
  std::optional<OutputGrammar> grammar{};
  Json template_kwargs = Json::object();
  bool no_answer = false;      // the prompt ends with the last message
  bool continue_last = false;  // the answer goes on with the assistant's last message
  SamplingParams sampling;
  SequenceFields sequence{};
  int64_t n_predict = -1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  size_t n_choices = 1;
  BeamOptions beams{};  // or the n_choices best that a search finds
  bool logprobs = false;
  int32_t n_top_logprobs = 0;
  int32_t n_prompt_logprobs = -1;  // of each token of the prompt; -1: none are wanted
  bool cache_prompt = true;        // false: nothing is shared with other requests
  // Tokens of thinking, if the model thinks between markers; -1: no limit.
  int64_t thinking_tokens_max = -1;
  bool thinking_apart = true;   // false: it stays in the content, with its markers
  bool counts_tokens = false;   // deltas tell tokens although logprobs are not wanted
  bool tells_progress = false;  // and how far the prompt is
  bool truncate = false;  // drop the oldest messages when the context is too short, and say so
};

struct PreparedChat {
  std::shared_ptr<ServedModel> model;
  std::vector<HostRequest> requests;  // one for each choice; of a search the first counts
  BeamOptions beams{};
  ReplyOptions reply;
  std::string prompt;                  // as rendered
  std::vector<std::string> notes;      // what was changed to suit the template
  size_t n_prompt = 0, n_dropped = 0;  // tokens; messages that truncation dropped
};

// 400 with what is wrong. The prompt of the chat alone: render_chat.
ApiResult<PreparedChat> prepare_chat(const App& app, std::shared_ptr<ServedModel> model,
                                     ChatRequest request);
struct RenderedChat {
  ChatPrompt prompt;
  std::vector<int32_t> ids;
};
ApiResult<RenderedChat> render_chat(const App& app, const ServedModel& model,
                                    const ChatRequest& request);

struct ChatDelta {
  enum class Kind : uint8_t { reply, tokens, progress, finish };
  Kind kind = Kind::reply;
  size_t choice = 0;
  ReplyDelta reply{};                               // of reply
  const std::vector<TokenEvent>* tokens = nullptr;  // of tokens
  const PromptProgress* progress = nullptr;         // of progress
  const Outcome* outcome = nullptr;                 // of finish
  bool ends = false;                                // of reply: the finish is next
  const ParsedReply* whole = nullptr;               // of finish
};
// False: nobody listens any more.
using OnDelta = std::function<bool(const ChatDelta&)>;

struct ChatTotals {
  int64_t n_prompt = 0, n_cached = 0, n_generated = 0, n_drafted = 0, n_accepted = 0;
  double prompt_s = 0, generate_s = 0;
  std::optional<Error> error;               // of a choice that failed
  std::vector<TokenEvent> prompt_tokens{};  // all but the first, when asked for

  // What one more answer took. Its prompt is not counted: answers may share it.
  void add_answer(const Outcome& outcome);
};
// Generates. 503 when the queue is full, before the first delta. Ends early with the exchange.
ApiResult<ChatTotals> run_chat(PreparedChat& chat, Exchange& exchange, const OnDelta& on_delta);

// "stop", "length", "tool_calls" as OpenAI names them.
std::string finish_reason(const Outcome& outcome, const ParsedReply& reply);
// What ended an answer, beside the reason: stop_reason as vLLM has it (a string or a token of the
// request's own), matched_stop as SGLang has it (the model's own token, too); null otherwise.
void add_stop(Json& choice, const Tokenizer& tokenizer, const Outcome& outcome);
// Tools in OpenAI's form from a request; 400 for what is none.
ApiResult<Json> checked_tools(const Json* tools);
// "auto", "none", "required" or {"type": "function", "function": {"name"}}.
ApiResult<ToolChoice> read_tool_choice(const Json* choice, const char* name = "tool_choice");

// Checks that an exchange's client hears what was changed: headers x-quire-note and
// x-quire-dropped-messages.
void announce(const PreparedChat& chat, Exchange& exchange);

// logprobs of tokens as chat completions have them: "logprob" and "top_logprobs". After sampling
// they are probabilities, as llama.cpp names them: "prob" and "top_probs".
Json logprobs_json(const Tokenizer& tokenizer, std::span<const TokenEvent> tokens,
                   Probabilities kind = Probabilities::of_model);

}  // namespace quire::server
