// What `quire pretrain` makes of its data files: fingerprints, a vocabulary, tokens.
#pragma once
#include "base/result.h"
#include "base/threads.h"
#include "text/tokenizer.h"
#include "train/config.h"
#include "train/run.h"
#include "train/token_cache.h"

#include <memory>
#include <string>
#include <vector>

namespace quire {

// Of the bytes of a file.
Result<uint64_t> file_fingerprint(const std::string& path);

// From arguments like "tales.txt" or "tales.txt:2.5" (a weight), with fingerprints. usage when a
// weight is not positive or too large, not_found when a file is missing.
Result<std::vector<DataFile>> data_files(const std::vector<std::string>& arguments);
std::vector<double> weights_of(const std::vector<DataFile>& files);

// Makes a vocabulary for the run, from the tokenizer file `source` or, when that is empty, by
// training a byte-level BPE of config.n_vocab tokens on the data, and puts it beside its place in
// the folder. Returns its fingerprint.
Result<uint64_t> make_vocabulary(const RunFolder& folder, const TrainConfig& config,
                                 const std::string& source, int n_threads);
// Puts a vocabulary just made in its place.
Result<void> settle_vocabulary(const RunFolder& folder);
Result<std::shared_ptr<const Tokenizer>> load_vocabulary(const RunFolder& folder);

// The data as tokens: those in the folder when they were made from these files with this
// vocabulary, else made now.
Result<TokenCache> tokens_of(const RunFolder& folder, const TrainConfig& config,
                             const std::shared_ptr<const Tokenizer>& tokenizer, ThreadPool& pool);

// The last part of a path: "runs/tales/" -> "tales".
std::string folder_name(const std::string& path);

}  // namespace quire
