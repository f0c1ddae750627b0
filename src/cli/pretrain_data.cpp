#include "cli/pretrain_data.h"

#include "base/file.h"
#include "base/progress.h"
#include "corpus/read.h"
#include "format/gguf_write.h"
#include "format/printable.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer_io.h"
#include "train/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace quire {
namespace {

std::string new_vocabulary(const RunFolder& folder) { return folder.tokenizer() + ".new"; }

// Every document of every file, with the number of its file.
Result<void> for_each_document(
    const std::vector<DataFile>& files, const char* what,
    FunctionRef<Result<void>(std::string_view text, uint32_t source)> use) {
  uint64_t n_bytes = 0;
  for (const DataFile& file : files) n_bytes += std::filesystem::file_size(file.path);
  Progress bar(what, n_bytes);
  uint64_t done = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto each = [&](std::string_view text) { return use(text, static_cast<uint32_t>(i)); };
    TRY(read_documents(std::span(&files[i].path, 1), each));
    done += std::filesystem::file_size(files[i].path);
    bar.update(done, files[i].path);
  }
  bar.finish();
  return {};
}

// A start token in front of every text: it is the token behind the text before, so a model knows
// it from training, and a prompt begins where documents begin.
Result<TokenizerSpec> train_vocabulary(const TrainConfig& config, int n_threads) {
  BpeTrainerOptions options;
  options.n_vocab = static_cast<int32_t>(config.n_vocab);
  options.n_threads = n_threads;
  options.bos = options.eos;
  BpeTrainer trainer = TRY(BpeTrainer::create(options));
  TRY(for_each_document(config.data, "reading for the vocabulary",
                        [&](std::string_view text, uint32_t) { return trainer.add(text); }));
  TokenizerSpec spec = TRY(trainer.train());
  if (spec.prefix_ids.empty() && spec.bos >= 0) spec.prefix_ids = {spec.bos};
  return spec;
}

}  // namespace

Result<uint64_t> file_fingerprint(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  return Fingerprint().add(file.bytes()).value();
}

Result<std::vector<DataFile>> data_files(const std::vector<std::string>& arguments) {
  std::vector<DataFile> files;
  for (const std::string& argument : arguments) {
    DataFile file{argument, 1, 0};
    const size_t colon = argument.rfind(':');
    if (!file_exists(argument) && colon != std::string::npos) {
      file.path = argument.substr(0, colon);
      const char* end = argument.data() + argument.size();
      const auto [stop, error] = std::from_chars(argument.data() + colon + 1, end, file.weight);
      if (error != std::errc{} || stop != end || !(file.weight > 0.001 && file.weight <= 1000))
        return fail(Fault::usage, "--data {}: the weight must be a number from 0.001 to 1000",
                    printable(argument));
    }
    for (std::string& path : TRY(document_files(std::span(&file.path, 1)))) {
      const uint64_t fingerprint = TRY(file_fingerprint(path));
      files.push_back({std::move(path), file.weight, fingerprint});
    }
  }
  return files;
}

std::vector<double> weights_of(const std::vector<DataFile>& files) {
  std::vector<double> weights;
  weights.reserve(files.size());
  for (const DataFile& file : files) weights.push_back(file.weight);
  return weights;
}

Result<uint64_t> make_vocabulary(const RunFolder& folder, const TrainConfig& config,
                                 const std::string& source, int n_threads) {
  const TokenizerSpec spec = source.empty() ? TRY(train_vocabulary(config, n_threads))
                                            : TRY(load_tokenizer(source))->spec();
  GgufWriter out;
  out.add_string("general.architecture", config.shape.arch);
  out.add_string("general.type", "vocab");
  TRY(write_tokenizer_metadata(out, spec));
  TRY(out.write(new_vocabulary(folder)));
  return file_fingerprint(new_vocabulary(folder));
}

Result<void> settle_vocabulary(const RunFolder& folder) {
  if (std::rename(new_vocabulary(folder).c_str(), folder.tokenizer().c_str()) != 0)
    return fail(Fault::io, "{}: cannot rename it: {}", new_vocabulary(folder),
                std::strerror(errno));
  return {};
}

Result<std::shared_ptr<const Tokenizer>> load_vocabulary(const RunFolder& folder) {
  return load_tokenizer(folder.tokenizer());
}

Result<TokenCache> tokens_of(const RunFolder& folder, const TrainConfig& config,
                             const std::shared_ptr<const Tokenizer>& tokenizer, ThreadPool& pool) {
  Fingerprint made_from;
  made_from.add(config.tokenizer);
  for (const DataFile& file : config.data) made_from.add(file.fingerprint);
  if (file_exists(folder.tokens())) {
    Result<TokenCache> cache =
        TokenCache::open(folder.tokens(), tokenizer->n_vocab(), made_from.value());
    if (cache.has_value()) return cache;
  }
  // Made anew from what the settings name, if it is still that.
  for (const DataFile& file : config.data)
    if (TRY(file_fingerprint(file.path)) != file.fingerprint)
      return fail(Fault::usage,
                  "{}: its content has changed since the run began, and {} does not fit it",
                  file.path, folder.tokens());
  TokenCacheWriter writer = TRY(TokenCacheWriter::create(folder.tokens(), tokenizer, pool));
  TRY(for_each_document(config.data, "tokenizing", [&](std::string_view text, uint32_t source) {
    return writer.add(text, source);
  }));
  TRY(writer.finish(static_cast<uint32_t>(config.data.size()), made_from.value()));
  return TokenCache::open(folder.tokens(), tokenizer->n_vocab(), made_from.value());
}

std::string folder_name(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "model";
  const size_t slash = path.rfind('/', end);
  const size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end - begin + 1);
}

}  // namespace quire
