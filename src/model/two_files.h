// A model as two files: DIR/parameters, every number and the vocabulary, and DIR/run.c, a C99
// program without dependencies that reads it, writes text with it, and can be read from top to
// bottom.
//
//   cc -O2 run.c -lm && ./a.out parameters "Once upon a time"
//
// The program's model is printed from the graph (graph/emit_c.h), so it follows the architecture
// file; its tokenizer comes from model/two_files_tokenizer.h. The format of `parameters` is told at
// the top of run.c.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"
#include "graph/emit_c.h"
#include "model/model.h"

#include <cstdint>
#include <string>

namespace quire {

struct TwoFilesOptions {
  CMatrix matrix = CMatrix::f32;
};

struct TwoFiles {
  std::string program_path, parameters_path;
  int64_t n_program_lines = 0;
  uint64_t n_parameter_bytes = 0;
};

// Makes the directory where it is missing; each file appears whole or not at all. progress(bytes
// written, bytes in all) is called now and then. unsupported, before anything is written, for a
// model or a tokenizer that has no C text.
Result<TwoFiles> write_two_files(const Model& model, const std::string& directory,
                                 const TwoFilesOptions& options,
                                 FunctionRef<void(uint64_t, uint64_t)> progress);

}  // namespace quire
