#include "cli/shown_answer.h"

#include "cli/terminal.h"
#include "engine/thinking_budget.h"

namespace quire {

void ShownAnswer::push(std::string_view piece) {
  if (parser_) return take(parser_->push(piece));
  content_ += piece;
  show_content(piece);
}

void ShownAnswer::finish() {
  if (parser_) take(parser_->finish());
  end_thinking();
}

void ShownAnswer::take(const std::vector<ReplyDelta>& deltas) {
  for (const ReplyDelta& delta : deltas) {
    if (delta.kind == ReplyDelta::Kind::reasoning) {
      reasoning_ += delta.text;
      show_reasoning(delta.text);
    } else if (delta.kind == ReplyDelta::Kind::content) {
      content_ += delta.text;
      end_thinking();
      show_content(delta.text);
    }
  }
}

void ShownAnswer::show_content(std::string_view text) {
  if (show_ != Show::nothing) put_text(text);
}

void ShownAnswer::show_reasoning(std::string_view text) {
  if (show_ != Show::all) return;
  if (!thinking_shown_) put_aside("Thinking...\n");
  thinking_shown_ = true;
  put_aside(text);
}

void ShownAnswer::end_thinking() {
  if (!thinking_shown_) return;
  put_aside(reasoning_.ends_with('\n') ? "...done thinking.\n\n" : "\n...done thinking.\n\n");
  thinking_shown_ = false;
}

Result<AnswerMaker> AnswerMaker::create(const LoadedEngine& loaded,
                                        std::optional<OutputGrammar> form, const ChatSetup* chat) {
  AnswerMaker maker(loaded, std::move(form));
  if (chat == nullptr) return maker;
  maker.format_ = find_reply_format(chat->chat->source());
  maker.thinking_ = chat->thinking;
  const bool has_markers = !maker.format_.think_close.empty();
  const bool thinks = has_markers || maker.format_.tools == ToolStyle::harmony;
  maker.splits_ = thinks && chat->thinking.format != "none";
  if (!thinks && chat->thinking.asks() && !chat->thinking.off())
    return fail(Fault::unsupported,
                "{}: its chat template knows no thinking; leave out --think and --reasoning-...",
                loaded.model->path());
  if (!has_markers && chat->thinking.budget >= 0)
    return fail(Fault::unsupported,
                "{}: there is no marker around its thinking, so it cannot be limited; "
                "--reasoning-effort low asks for less",
                loaded.model->path());
  return maker;
}

Result<ShownAnswer> AnswerMaker::begin(Request& request, std::string_view prompt,
                                       ShownAnswer::Show show) {
  const Opens opens = who_opens_thinking(format_, prompt);
  if (form_) {
    OutputGrammar form = *form_;
    // A model whose thinking has been opened thinks first, freely.
    if (opens == Opens::prompt && !format_.think_close.empty())
      form.start = GrammarStart::after_marker(format_.think_close);
    request.constraint = TRY(masks_->constraint(form));
  }
  const bool limited = thinking_.budget >= 0 || thinking_.off();
  if (limited && !format_.think_close.empty()) {
    ThinkingBudget::Options options;
    options.n_tokens_max = thinking_.off() ? 0 : thinking_.budget;
    options.open = format_.think_open;
    options.close = format_.think_close;
    options.thinking = opens == Opens::prompt;
    const Tokenizer& tokenizer = model_->tokenizer();
    // A grammar begins right behind the marker.
    const std::string closing = "\n" + format_.think_close + (form_ ? "" : "\n\n");
    options.closing = TRY(tokenizer.encode(closing, {.add = AddSpecial::never}));
    request.constraint =
        TRY(ThinkingBudget::create(std::move(options), {model_, &tokenizer}, request.constraint));
  }
  if (format_.think_close.empty() && !splits_) return ShownAnswer(std::nullopt, show);
  request.show_special = ShowSpecial::show;  // the markers may be control tokens
  if (!splits_) return ShownAnswer(std::nullopt, show);
  ReplyOptions options;
  options.format = format_;
  options.opens = opens;
  options.read_tools = false;
  if (show == ShownAnswer::Show::all && thinking_.hide) show = ShownAnswer::Show::answer;
  return ShownAnswer(ReplyParser(std::move(options)), show);
}

}  // namespace quire
