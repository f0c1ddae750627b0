// A template, messages and tools (JSON), with zero bytes between: a prompt or one error. Of control
// tokens only those that stand in the template itself are in the prompt.
#include "chat/chat_template.h"
#include "jinja/json.h"
#include "text/bpe_trainer.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace quire;

constexpr std::string_view control_token = "<|end|>";

const Tokenizer& tokenizer() {
  static const std::shared_ptr<const Tokenizer> made = [] {
    BpeTrainerOptions options;
    options.n_vocab = 300;
    options.min_frequency = 1;
    options.n_threads = 1;
    options.special_tokens = {"<|endoftext|>", "<s>", std::string(control_token)};
    auto trainer = BpeTrainer::create(options).value();
    if (!trainer.add("user assistant system hello hello world world")) std::abort();
    return Tokenizer::create(trainer.train().value()).value();
  }();
  return *made;
}

void check(const ChatTemplate& chat, const jinja::Value& messages, const ChatOptions& options) {
  const auto prompt = chat.render(messages, options);
  if (!prompt.has_value()) {
    if (prompt.error().text.empty()) std::abort();
    return;
  }
  if (!std::ranges::is_sorted(prompt->plain_at)) std::abort();
  for (const size_t place : prompt->plain_at)
    if (place > prompt->text.size()) std::abort();
  const auto ids = prompt->encode(tokenizer());
  if (!ids.has_value()) std::abort();
  // A template that cannot write "<" by itself cannot write a control token.
  if (chat.source().find_first_of("<'\"%") != std::string::npos) return;
  const int32_t control = tokenizer().id_of(control_token).value();
  if (std::ranges::find(*ids, control) != ids->end()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t first = std::min(text.find('\0'), size);
  const size_t second = std::min(text.find('\0', first + 1), size);
  const auto chat = ChatTemplate::create(tokenizer(), text.substr(0, first));
  if (!chat.has_value() || first >= size) return 0;
  const auto messages = parse_messages(text.substr(first + 1, second - first - 1));
  if (!messages.has_value()) return 0;
  ChatOptions options;
  options.now = std::tm{};
  options.limits.steps_max = 100'000;
  options.limits.output_bytes_max = 1 << 20;
  options.limits.memory_bytes_max = 8 << 20;
  options.limits.time_s_max = 1;
  if (second < size)
    if (auto tools = parse_tools(text.substr(second + 1)); tools.has_value())
      options.tools = *tools;
  check(**chat, *messages, options);
  options.end = TurnEnd::continues;
  check(**chat, *messages, options);
  return 0;
}
