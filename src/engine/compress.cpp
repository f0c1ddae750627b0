#include "engine/compress.h"

#include "engine/compress_file.h"
#include "engine/frequencies.h"
#include "engine/range_coder.h"

#include <algorithm>

namespace quire {
namespace {

constexpr int64_t n_ctx_max = 2048;              // longer gains little and costs time
constexpr size_t stream_bytes_least = 16 << 10;  // below it a cold start costs too much
constexpr size_t piece_bytes_slack = 16;         // a space in front that decode takes away again

// The model reading several streams side by side. The same calls give the same logits.
class Predictor {
 public:
  static Result<Predictor> create(std::shared_ptr<const Model> model, size_t n_streams,
                                  int64_t n_ctx, int n_threads);
  struct Step {
    size_t stream;
    int32_t token;
  };
  // What this build computes for a few fixed tokens.
  Result<uint32_t> probe();
  // The start token of the streams.
  Result<void> start(std::span<const size_t> streams);
  // One more token for each of some streams, in rising order.
  Result<void> advance(std::span<const Step> steps);
  // (V) of the next token.
  std::span<const float> logits(size_t stream) const { return streams_[stream].logits; }
  ThreadPool& pool() { return runner_->pool(); }

 private:
  struct Stream {
    std::vector<int32_t> recent;  // what the context holds after the start token
    std::vector<float> logits;
  };
  Result<void> restart(size_t stream);
  void keep(size_t stream, const float* logits);

  std::unique_ptr<Runner> runner_;
  int32_t start_token_ = 0;
  std::vector<Stream> streams_;
  std::vector<RunRows> rows_;
};

Result<Predictor> Predictor::create(std::shared_ptr<const Model> model, size_t n_streams,
                                    int64_t n_ctx, int n_threads) {
  Predictor predictor;
  const Tokenizer& tokenizer = model->tokenizer();
  predictor.start_token_ = std::max({tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos(), 0});
  RunnerOptions options;
  options.n_ctx = n_ctx;
  options.n_sequences = static_cast<int32_t>(n_streams);
  options.n_batch = n_ctx;  // a restart is one step
  options.n_threads = n_threads;
  predictor.runner_ = TRY(Runner::create(std::move(model), options));
  predictor.streams_.resize(n_streams);
  return predictor;
}

Result<uint32_t> Predictor::probe() {
  constexpr int64_t n_probe_tokens = 24;  // enough for the path of many rows (kernels/matmul.h)
  const int64_t n_vocab = runner_->model().hparams().n_vocab;
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < std::min(n_probe_tokens, runner_->n_ctx() - 1); ++i)
    tokens.push_back(static_cast<int32_t>((i * 7919 + 13) % n_vocab));
  uint64_t hash = 0;
  for (const size_t n : {tokens.size(), size_t{1}}) {
    const auto logits = TRY(runner_->run(std::span(tokens).first(n)));
    hash ^= fnv1a({reinterpret_cast<const char*>(logits.data()),
                   static_cast<size_t>(n_vocab) * sizeof(float)});
  }
  runner_->truncate(0, 0);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

void Predictor::keep(size_t stream, const float* logits) {
  streams_[stream].logits.assign(logits, logits + runner_->model().hparams().n_vocab);
}

Result<void> Predictor::start(std::span<const size_t> streams) {
  rows_.clear();
  for (const size_t stream : streams)
    rows_.push_back({static_cast<int32_t>(stream), std::span(&start_token_, 1), Want::last});
  if (rows_.empty()) return {};
  const auto logits = TRY(runner_->run(rows_));
  for (size_t i = 0; i < streams.size(); ++i) keep(streams[i], logits.row(static_cast<int64_t>(i)));
  return {};
}

Result<void> Predictor::advance(std::span<const Step> steps) {
  for (const Step& step : steps) streams_[step.stream].recent.push_back(step.token);
  const auto is_full = [&](const Step& step) {
    return runner_->n_past(static_cast<int32_t>(step.stream)) == runner_->n_ctx();
  };
  rows_.clear();
  std::vector<size_t> running;
  for (const Step& step : steps) {
    if (is_full(step)) {
      TRY(restart(step.stream));
      continue;
    }
    running.push_back(step.stream);
    rows_.push_back({static_cast<int32_t>(step.stream), std::span(&step.token, 1), Want::last});
  }
  if (rows_.empty()) return {};
  const auto logits = TRY(runner_->run(rows_));
  for (size_t i = 0; i < running.size(); ++i) keep(running[i], logits.row(static_cast<int64_t>(i)));
  return {};
}

// The context is full: begin again with the last half of it.
Result<void> Predictor::restart(size_t stream) {
  std::vector<int32_t>& recent = streams_[stream].recent;
  const auto n_kept = static_cast<size_t>(std::max<int64_t>(1, runner_->n_ctx() / 2));
  recent.erase(recent.begin(), recent.end() - static_cast<std::ptrdiff_t>(n_kept));
  std::vector<int32_t> tokens = {start_token_};
  tokens.insert(tokens.end(), recent.begin(), recent.end());
  const auto sequence = static_cast<int32_t>(stream);
  runner_->truncate(sequence, 0);
  const RunRows rows{sequence, tokens, Want::last};
  keep(stream, TRY(runner_->run(std::span(&rows, 1))).data());
  return {};
}

// ---- streams and tokens ----

// Cuts between characters, after a line's end when one is near.
std::vector<std::string_view> cut(std::string_view data) {
  constexpr size_t look_ahead = 256;
  const size_t n = std::clamp(data.size() / stream_bytes_least, size_t{1}, n_streams_max);
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t i = 1; i <= n && begin < data.size(); ++i) {
    size_t end = std::max(data.size() / n * i, begin);
    if (i == n) end = data.size();
    const size_t line = data.substr(0, std::min(data.size(), end + look_ahead)).find('\n', end);
    if (i < n && line != std::string_view::npos) end = line + 1;
    while (i < n && end < data.size() && (static_cast<unsigned char>(data[end]) & 0xC0) == 0x80)
      ++end;
    if (end > begin) parts.push_back(data.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

std::string decode_tokens(const Tokenizer& tokenizer, StreamCoding coding,
                          std::span<const int32_t> tokens) {
  if (coding == StreamCoding::text) return tokenizer.decode(tokens, {.special = ShowSpecial::show});
  std::string bytes;
  for (const int32_t token : tokens) bytes += tokenizer.piece(token);
  return bytes;
}

// The token of each byte value, or nothing when the vocabulary lacks one.
std::vector<int32_t> byte_tokens(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids(256, -1);
  for (int32_t id = tokenizer.n_vocab(); id-- > 0;)
    if (const std::string_view piece = tokenizer.piece(id);
        piece.size() == 1 && !tokenizer.is_special(id))
      ids[static_cast<unsigned char>(piece[0])] = id;
  if (std::find(ids.begin(), ids.end(), -1) != ids.end()) ids.clear();
  return ids;
}

struct Tokens {
  StreamCoding coding = StreamCoding::stored;
  std::vector<int32_t> ids;
};

// The tokens of a part and the way back; stored when there is none.
Tokens tokenize(const Tokenizer& tokenizer, int64_t n_vocab, std::string_view part) {
  Tokens tokens{StreamCoding::text, {}};
  auto ids = tokenizer.encode(part, {AddSpecial::never, ParseSpecial::as_text, InvalidUtf8::keep});
  if (ids) tokens.ids = std::move(*ids);
  size_t n_piece_bytes = 0;
  for (const int32_t id : tokens.ids) n_piece_bytes += tokenizer.piece(id).size();
  const auto known = [&](int32_t id) { return id >= 0 && id < n_vocab; };
  if (std::all_of(tokens.ids.begin(), tokens.ids.end(), known) &&
      tokens.ids.size() <= part.size() + 1 && n_piece_bytes <= part.size() + piece_bytes_slack &&
      decode_tokens(tokenizer, StreamCoding::text, tokens.ids) == part)
    return tokens;
  tokens = {StreamCoding::bytes, {}};
  const std::vector<int32_t> of_byte = byte_tokens(tokenizer);
  if (of_byte.empty()) return {};
  for (const char byte : part) tokens.ids.push_back(of_byte[static_cast<unsigned char>(byte)]);
  if (!std::all_of(tokens.ids.begin(), tokens.ids.end(), known)) return {};
  return tokens;
}

// ---- coding ----

// Calls step(stream, frequencies) for every stream with tokens left, all of them side by side,
// until there are none; it codes or decodes a token and returns it.
Result<void> walk(Predictor& predictor, std::span<const uint64_t> n_tokens,
                  const CompressOptions& options,
                  FunctionRef<int32_t(size_t stream, const TokenFrequencies& frequencies)> step) {
  std::vector<size_t> active;
  uint64_t n_total = 0, n_done = 0;
  for (size_t i = 0; i < n_tokens.size(); ++i) {
    if (n_tokens[i] > 0) active.push_back(i);
    n_total += n_tokens[i];
  }
  TRY(predictor.start(active));
  std::vector<TokenFrequencies> frequencies(n_tokens.size());
  std::vector<Predictor::Step> steps;
  for (uint64_t position = 0; !active.empty(); ++position) {
    steps.resize(active.size());
    predictor.pool().for_each(static_cast<int64_t>(active.size()), 1, [&](int64_t i, int) {
      const size_t stream = active[static_cast<size_t>(i)];
      frequencies[stream].set(predictor.logits(stream));
      steps[static_cast<size_t>(i)] = {stream, step(stream, frequencies[stream])};
    });
    if (std::any_of(steps.begin(), steps.end(), [](const auto& s) { return s.token < 0; }))
      return fail(Fault::bad_format,
                  "the compressed file is damaged: it decodes to more bytes than it says");
    n_done += active.size();
    if (options.progress) options.progress(n_done, n_total);
    const auto is_done = [&](size_t stream) { return position + 1 == n_tokens[stream]; };
    std::erase_if(steps, [&](const Predictor::Step& s) { return is_done(s.stream); });
    std::erase_if(active, is_done);
    TRY(predictor.advance(steps));
  }
  return {};
}

Result<int64_t> context_for(const Model& model, int64_t wanted) {
  const int64_t n_ctx = wanted == 0 ? std::min(model.hparams().n_ctx_train, n_ctx_max) : wanted;
  if (n_ctx < 2 || n_ctx > model.hparams().n_ctx_train)
    return fail(Fault::usage, "{}: a context of {} positions cannot be used here, 2 to {} can",
                model.path(), n_ctx, model.hparams().n_ctx_train);
  return n_ctx;
}

}  // namespace

Result<std::string> compress(const std::shared_ptr<const Model>& model, std::string_view data,
                             const CompressOptions& options) {
  if (data.size() > std::min(options.bytes_max, compress_bytes_max))
    return fail(Fault::limit, "{} bytes to compress, at most {} are possible", data.size(),
                std::min(options.bytes_max, compress_bytes_max));
  CompressedFile file;
  file.info = {isa(), model->fingerprint(), TRY(context_for(*model, options.n_ctx)), data.size()};
  file.checksum = fnv1a(data);

  const std::vector<std::string_view> parts = cut(data);
  std::vector<Tokens> tokens;
  std::vector<uint64_t> n_tokens;
  bool any_stored = false;
  for (const std::string_view part : parts) {
    tokens.push_back(tokenize(model->tokenizer(), model->hparams().n_vocab, part));
    n_tokens.push_back(tokens.back().ids.size());
    any_stored |= tokens.back().coding == StreamCoding::stored;
  }
  Predictor predictor = TRY(Predictor::create(model, std::max<size_t>(parts.size(), 1),
                                              file.info.n_ctx, options.n_threads));
  file.probe = TRY(predictor.probe());

  std::vector<RangeEncoder> encoders(parts.size());
  std::vector<size_t> next(parts.size());
  if (!any_stored)
    TRY(walk(predictor, n_tokens, options, [&](size_t i, const TokenFrequencies& frequencies) {
      const Interval interval = frequencies.of(tokens[i].ids[next[i]++]);
      encoders[i].put(interval.start, interval.size, frequencies.total());
      return interval.token;
    }));

  std::vector<std::string> coded;
  size_t n_coded = 0;
  for (RangeEncoder& encoder : encoders) n_coded += coded.emplace_back(encoder.finish()).size();
  // All or nothing: the decoder must run the steps that were run here.
  const bool stored = any_stored || n_coded >= data.size();
  for (size_t i = 0; i < parts.size(); ++i)
    file.streams.push_back(
        stored ? CompressedStream{StreamCoding::stored, parts[i].size(), 0, parts[i]}
               : CompressedStream{tokens[i].coding, parts[i].size(), n_tokens[i], coded[i]});
  return write_compressed(file);
}

namespace {

Result<void> check_same(const CompressedFile& file, const Model& model,
                        const CompressOptions& options) {
  if (file.info.fingerprint != model.fingerprint())
    return fail(Fault::bad_format,
                "the file was compressed with another model than {} (fingerprint {:016x}, this one "
                "has {:016x})",
                model.path(), file.info.fingerprint, model.fingerprint());
  if (file.info.n_bytes > options.bytes_max)
    return fail(Fault::limit, "the file holds {} bytes, at most {} are wanted", file.info.n_bytes,
                options.bytes_max);
  if (file.info.isa > isa_detected())
    return fail(Fault::unsupported,
                "the file was compressed with {} instructions, this machine has {} at best; "
                "compressed with QUIRE_ISA={} it could be read here",
                isa_name(file.info.isa), isa_name(isa_detected()), isa_name(isa_detected()));
  if (file.info.isa != isa())
    return fail(Fault::unsupported,
                "the file was compressed with {} instructions, but {} ones are in use",
                isa_name(file.info.isa), isa_name(isa()));
  if (file.info.n_ctx < 2 || file.info.n_ctx > model.hparams().n_ctx_train)
    return fail(Fault::bad_format, "the compressed file is damaged: context of {} positions",
                file.info.n_ctx);
  return {};
}

// Decodes the streams that are not stored; the tokens of each.
Result<std::vector<std::vector<int32_t>>> decode_streams(const std::shared_ptr<const Model>& model,
                                                         const CompressedFile& file,
                                                         const CompressOptions& options) {
  Predictor predictor = TRY(Predictor::create(model, std::max<size_t>(file.streams.size(), 1),
                                              file.info.n_ctx, options.n_threads));
  if (TRY(predictor.probe()) != file.probe)
    return fail(Fault::unsupported,
                "this build of quire computes other last digits than the one that compressed the "
                "file; only that one can decompress it");
  std::vector<RangeDecoder> decoders;
  std::vector<uint64_t> n_tokens, n_bytes(file.streams.size());
  for (const CompressedStream& stream : file.streams) {
    decoders.emplace_back(stream.coded);
    n_tokens.push_back(stream.n_tokens);
  }
  std::vector<std::vector<int32_t>> tokens(file.streams.size());
  const Tokenizer& tokenizer = model->tokenizer();
  TRY(walk(predictor, n_tokens, options, [&](size_t i, const TokenFrequencies& frequencies) {
    const Interval interval = frequencies.at(decoders[i].peek(frequencies.total()));
    decoders[i].take(interval.start, interval.size);
    n_bytes[i] += tokenizer.piece(interval.token).size();
    if (n_bytes[i] > file.streams[i].n_bytes + piece_bytes_slack) return -1;
    tokens[i].push_back(interval.token);
    return interval.token;
  }));
  return tokens;
}

}  // namespace

Result<std::string> decompress(const std::shared_ptr<const Model>& model, std::string_view bytes,
                               const CompressOptions& options) {
  const CompressedFile file = TRY(parse_compressed(bytes));
  TRY(check_same(file, *model, options));
  const bool any_coded =
      std::any_of(file.streams.begin(), file.streams.end(),
                  [](const CompressedStream& s) { return s.coding != StreamCoding::stored; });
  std::vector<std::vector<int32_t>> tokens(file.streams.size());
  if (any_coded) tokens = TRY(decode_streams(model, file, options));

  std::string data;
  for (size_t i = 0; i < file.streams.size(); ++i)
    data += file.streams[i].coding == StreamCoding::stored
                ? std::string(file.streams[i].coded)
                : decode_tokens(model->tokenizer(), file.streams[i].coding, tokens[i]);
  if (data.size() != file.info.n_bytes || fnv1a(data) != file.checksum)
    return fail(Fault::bad_format,
                "the compressed file is damaged: what it decodes to has another checksum");
  return data;
}

}  // namespace quire
