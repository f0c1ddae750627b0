#include "model/hparams_reader.h"

namespace quire {

Result<int64_t> HparamsReader::integer(std::string_view name, int64_t least, int64_t most) const {
  const GgufValue* found = file_.value(key(name));
  int64_t value = 0;
  if (found != nullptr && found->type == GgufType::array) {
    const std::vector<int64_t> all = TRY(file_.get_ints(key(name)));
    if (all.empty()) return fail(Fault::bad_format, "{}: {} is empty", file_.path(), key(name));
    for (const int64_t one : all)
      if (one != all[0])
        return fail(Fault::unsupported,
                    "{}: {} differs from layer to layer ({} and {}), which is not supported",
                    file_.path(), key(name), all[0], one);
    value = all[0];
  } else {
    value = TRY(file_.get_int(key(name)));
  }
  if (value < least || value > most)
    return fail(Fault::bad_format, "{}: {} is {}, it must lie between {} and {}", file_.path(),
                key(name), value, least, most);
  return value;
}

Result<int64_t> HparamsReader::integer_or(std::string_view name, int64_t fallback, int64_t least,
                                          int64_t most) const {
  if (!has(name)) return fallback;
  return integer(name, least, most);
}

Result<float> HparamsReader::number(std::string_view name, double least, double most) const {
  const double value = TRY(file_.get_float(key(name)));
  if (!(value >= least && value <= most))
    return fail(Fault::bad_format, "{}: {} is {}, it must lie between {} and {}", file_.path(),
                key(name), value, least, most);
  return static_cast<float>(value);
}

Result<float> HparamsReader::number_or(std::string_view name, double fallback, double least,
                                       double most) const {
  if (!has(name)) return static_cast<float>(fallback);
  return number(name, least, most);
}

Result<std::vector<bool>> HparamsReader::layers(std::string_view name, int64_t n_layer) const {
  const std::vector<int64_t> all = TRY(file_.get_ints(key(name)));
  if (static_cast<int64_t>(all.size()) != n_layer)
    return fail(Fault::bad_format, "{}: {} has {} entries, it needs one for each of the {} layers",
                file_.path(), key(name), all.size(), n_layer);
  std::vector<bool> layers;
  for (const int64_t one : all) {
    if (one != 0 && one != 1)
      return fail(Fault::bad_format, "{}: {} holds {}, it must hold booleans", file_.path(),
                  key(name), one);
    layers.push_back(one == 1);
  }
  return layers;
}

}  // namespace quire
