#include "text/tokenizer.h"
#include "text/utf8.h"

namespace quire {

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, DecodeOptions options,
                             Replace replace)
    : tokenizer_(std::move(tokenizer)),
      options_(options),
      replace_(replace),
      walk_(tokenizer_->walk(options.at)) {}

std::string StreamDecoder::push(int32_t id) {
  if (tokenizer_->shows(id, options_.special)) walk_.append(id, held_);
  return take(utf8_incomplete_tail(held_));
}

std::string StreamDecoder::flush() {
  walk_ = tokenizer_->walk(options_.at);
  return take(held_.size());
}

std::string StreamDecoder::take(size_t n_bytes) {
  std::string out = held_.substr(0, n_bytes);
  held_.erase(0, n_bytes);
  return replace_ == Replace::invalid ? tokenizer_->readable(out) : out;
}

}  // namespace quire
