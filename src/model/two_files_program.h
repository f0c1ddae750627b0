// The parts of run.c that are the same for every model: reading `parameters`, choosing tokens,
// main().
#pragma once

namespace quire {

// @NAME@ marks are filled by model/two_files.cpp.
extern const char* const c_header_text;
extern const char* const c_loader_text;
extern const char* const c_main_text;

}  // namespace quire
