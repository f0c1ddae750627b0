// Answers as they are shown: held to a form when one is asked for, thinking set apart from the
// answer.
//
//   AnswerMaker answers(loaded, form, chat);
//   ShownAnswer answer = TRY(answers.begin(request, prompt_text, ShownAnswer::Show::all));
//   request.on_text = [&](std::string_view piece) { answer.push(piece); };
//   ...                                          // until the engine has finished the request
//   answer.finish();
#pragma once
#include "chat/reply_parser.h"
#include "cli/chat_flags.h"
#include "cli/generation.h"
#include "engine/grammar_constraint.h"

#include <optional>
#include <string>

namespace quire {

// On a terminal thinking is dim, between two lines that say so; elsewhere it goes to standard
// error, so that standard output is the answer alone.
class ShownAnswer {
 public:
  enum class Show : uint8_t { all, answer, nothing };
  // Without a parser everything is content.
  ShownAnswer(std::optional<ReplyParser> parser, Show show)
      : parser_(std::move(parser)), show_(show) {}

  void push(std::string_view piece);
  void finish();
  const std::string& content() const { return content_; }
  const std::string& reasoning() const { return reasoning_; }
  bool splits() const { return parser_.has_value(); }

 private:
  void take(const std::vector<ReplyDelta>& deltas);
  void show_content(std::string_view text);
  void show_reasoning(std::string_view text);
  void end_thinking();

  std::optional<ReplyParser> parser_;
  Show show_;
  std::string content_, reasoning_;
  bool thinking_shown_ = false;
};

// Belongs to one loaded engine, for any number of answers.
class AnswerMaker {
 public:
  // unsupported when thinking is to be limited and the model has no markers around it. chat: null
  // when texts are continued.
  static Result<AnswerMaker> create(const LoadedEngine& loaded, std::optional<OutputGrammar> form,
                                    const ChatSetup* chat);

  // Gives the request its constraint and what else the reading of its answer needs. prompt: the
  // text of a chat as rendered.
  Result<ShownAnswer> begin(Request& request, std::string_view prompt, ShownAnswer::Show show);

 private:
  AnswerMaker(const LoadedEngine& loaded, std::optional<OutputGrammar> form)
      : model_(loaded.model), form_(std::move(form)) {
    if (form_) masks_.emplace(model_->tokenizer());
  }

  std::shared_ptr<const Model> model_;
  std::optional<OutputGrammar> form_;
  std::optional<GrammarMaskCache> masks_;  // where there is a form
  ReplyFormat format_;
  ThinkingFlags thinking_;
  bool splits_ = false;
};

}  // namespace quire
