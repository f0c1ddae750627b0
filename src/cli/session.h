// The interactive session of `quire run`: lines in, the model's continuation out.
//
// A session is its text and nothing else: what was typed and what the model wrote, in order. Each
// answer continues all of it (what is cached is not computed again), and /save and /load keep and
// bring back exactly that text.
#pragma once
#include "cli/session_answer.h"

namespace quire {

// Until Ctrl-D, /quit or the end of input.
Result<int> run_session(LoadedEngine& loaded, AnswerMaker& maker, SessionOptions options);

}  // namespace quire
