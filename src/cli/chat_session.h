// The interactive chat of `quire run`: messages in, answers out, by the model's chat template.
//
// A chat is its list of messages. Each answer renders all of them; what is cached is not computed
// again. /save and /load keep and bring back the messages as JSON.
#pragma once
#include "cli/chat_flags.h"
#include "cli/session_answer.h"

namespace quire {

// Until Ctrl-D, /quit or the end of input.
Result<int> run_chat(LoadedEngine& loaded, AnswerMaker& maker, ChatSetup setup,
                     SessionOptions options);

}  // namespace quire
