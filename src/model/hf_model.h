// A Hugging Face model folder: config.json, model.safetensors (or model.safetensors.index.json and
// its shards), and the tokenizer's files beside them.
//
// The folder is made to look like a GGUF file: config.json becomes the same metadata, each tensor
// gets its GGUF name (model/hf_family.h), and all that reads a GGUF file, an architecture's
// read_hparams() first of all, reads the folder. Weights whose rows lie in the checkpoint as GGUF
// wants them stay in the mapped file; the others (Llama's query and key rows, GPT-2's transposed
// matrices, 8-bit floats, vectors in bf16, experts in files of their own) are copied when loaded.
#pragma once
#include "format/gguf.h"
#include "format/safetensors.h"
#include "model/hf_import.h"

#include <memory>
#include <string>
#include <vector>

namespace quire {

struct HfModel {
  // Reads config.json and the headers of the weights; no weight is touched. not_found names the
  // file that a folder lacks, unsupported a model_type or a tensor that is not known, bad_format
  // whatever is wrong with a field or a shape.
  static Result<HfModel> open(const std::string& folder);

  std::string path;
  std::unique_ptr<SafetensorsFile> file;  // the tensors' rows lie in it
  GgufWriter metadata;                    // general.architecture and ARCH.*; no tokenizer
  std::vector<HfTensor> tensors;
};

// The folder's metadata and the shapes of its tensors like a GGUF file, for describe_model();
// weights that are not in the checkpoint as they are have no data, except rotary factors, which are
// hyper-parameters. Lives as long as the model.
Result<GgufFile> hf_header(const HfModel& model);

// What the rest of the program reads: mapped where possible, else copied.
Result<GgufFile> open_hf_as_gguf(const std::string& folder);

// open_hf_as_gguf() for a folder, GgufFile::open() for a file.
Result<GgufFile> open_model_file(const std::string& path);

}  // namespace quire
