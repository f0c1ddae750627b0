#include "text/tokenizer.h"
#include "text/utf8.h"

namespace quire {

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, DecodeOptions options,
                             Replace replace)
    : tokenizer_(std::move(tokenizer)), options_(options), replace_(replace) {
  n_strip_left_ = options.at == DecodeAt::start ? tokenizer_->n_leading_strip() : 0;
}

std::string StreamDecoder::push(int32_t id) {
  std::string_view bytes = tokenizer_->decoded(id, options_.special);
  while (n_strip_left_ > 0 && !bytes.empty()) {
    if (bytes[0] != ' ') {
      n_strip_left_ = 0;
      break;
    }
    bytes.remove_prefix(1);
    --n_strip_left_;
  }
  held_ += bytes;
  return take(utf8_incomplete_tail(held_));
}

std::string StreamDecoder::flush() {
  n_strip_left_ = options_.at == DecodeAt::start ? tokenizer_->n_leading_strip() : 0;
  return take(held_.size());
}

std::string StreamDecoder::take(size_t n_bytes) {
  std::string out = held_.substr(0, n_bytes);
  held_.erase(0, n_bytes);
  return replace_ == Replace::invalid ? utf8_replace_invalid(out) : out;
}

}  // namespace quire
