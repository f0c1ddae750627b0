#include "model/hparams_reader.h"

#include <vector>

namespace quire {
namespace {

Result<int64_t> read_integer(const GgufFile& file, const std::string& key) {
  const GgufValue* value = file.value(key);
  if (value == nullptr || value->type != GgufType::array) return file.get_int(key);
  const std::vector<int64_t> all = TRY(file.get_ints(key));
  if (all.empty()) return fail(Fault::bad_format, "{}: {} is empty", file.path(), key);
  for (int64_t one : all)
    if (one != all[0])
      return fail(Fault::unsupported,
                  "{}: {} differs from layer to layer ({} and {}), which is not supported",
                  file.path(), key, all[0], one);
  return all[0];
}

template <class T>
Result<T> within(const GgufFile& file, const std::string& key, T value, T least, T most) {
  if (value >= least && value <= most) return value;
  return fail(Fault::bad_format, "{}: {} is {}, it must lie between {} and {}", file.path(), key,
              value, least, most);
}

}  // namespace

Result<int64_t> HparamsReader::integer(std::string_view name, int64_t least, int64_t most) const {
  return within(file_, key(name), TRY(read_integer(file_, key(name))), least, most);
}

Result<int64_t> HparamsReader::integer_or(std::string_view name, int64_t fallback, int64_t least,
                                          int64_t most) const {
  if (!file_.has(key(name))) return fallback;
  return integer(name, least, most);
}

Result<float> HparamsReader::number(std::string_view name, double least, double most) const {
  const double value = TRY(file_.get_float(key(name)));
  return static_cast<float>(TRY(within(file_, key(name), value, least, most)));
}

Result<float> HparamsReader::number_or(std::string_view name, double fallback, double least,
                                       double most) const {
  if (!file_.has(key(name))) return static_cast<float>(fallback);
  return number(name, least, most);
}

}  // namespace quire
