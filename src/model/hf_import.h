// The two sides of reading a Hugging Face folder: HfMetadata turns fields of config.json into GGUF
// metadata, HfImport turns tensors of the checkpoint into tensors with GGUF's names. Families
// (model/hf_family.h) drive both; model/hf_model.h is what the rest of the program uses.
#pragma once
#include "format/gguf_write.h"
#include "format/hf_config.h"
#include "format/safetensors.h"
#include "model/hf_rows.h"

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

namespace quire {

// A tensor under its GGUF name.
struct HfTensor {
  std::string name;
  HfRows rows;
};

// What the family's own code takes for granted where config.json is silent; 0: it must speak.
struct HfDefaults {
  int64_t n_ctx = 2048, n_head = 0, n_head_kv = 0, head_dim = 0;
  double rope_theta = 10000;
  double rotary_share = 1;  // of each head that is turned: partial_rotary_factor
};

class HfMetadata {
 public:
  HfMetadata(HfConfig config, std::string arch);

  const HfConfig& config() const { return config_; }
  const std::string& arch() const { return arch_; }
  GgufWriter& writer() { return writer_; }
  const GgufWriter& writer() const { return writer_; }
  // Tensors that config.json implies and GGUF stores: rope factors.
  std::vector<HfTensor>& tensors() { return tensors_; }
  std::string key(std::string_view name) const { return arch_ + "." + std::string(name); }

  // The first of the fields that is there; bad_format naming the first when none is, or when the
  // value is negative or over 2^32 - 1.
  using Fields = std::initializer_list<const char*>;
  Result<int64_t> get_count(Fields fields) const;
  Result<int64_t> get_count_or(Fields fields, int64_t fallback) const;

  // The field as ARCH.name, u32.
  Result<void> count(Fields fields, std::string_view name);
  Result<void> count_or(Fields fields, std::string_view name, int64_t fallback);
  Result<void> count_if_present(Fields fields, std::string_view name);
  // The same as f32.
  Result<void> number(Fields fields, std::string_view name);
  Result<void> number_or(Fields fields, std::string_view name, double fallback);
  Result<void> number_if_present(Fields fields, std::string_view name);

  // What nearly all have, under the names of Llama's config.json: widths, counts, context length,
  // heads, head width.
  Result<void> transformer(const HfDefaults& defaults = {});
  // Rotary embedding: theta, partial_rotary_factor and scaling, in the forms of transformers 4
  // (rope_theta, rope_scaling) and 5 (rope_parameters). Call after transformer().
  Result<void> rope();
  // The same where layers with a window turn by a base of their own, never stretched:
  // rope_parameters.full_attention and .sliding_attention in transformers 5; `window_field` names
  // the base in 4, where a missing one means that of the other layers.
  Result<void> rope_by_layer(const char* window_field, double window_default);
  // For models whose scores YaRN makes longer, and not what is turned: DeepSeek.
  void yarn_scales_scores() { yarn_scales_scores_ = true; }
  int64_t head_dim() const { return head_dim_; }
  // For families that do not call transformer().
  void set_head_dim(int64_t width) { head_dim_ = width; }
  void set_rope_theta(double theta) { rope_theta_ = theta; }  // where config.json has none
  // sliding_window, and which layers have it: layer_types where there are any, else all but every
  // period-th. The list is written only where it is not what `period` says; 0: every layer.
  Result<void> windows(int64_t period);
  // Fails with unsupported unless the field is missing or has one of the values.
  Result<void> require(const char* field, std::initializer_list<std::string_view> values) const;
  // The same for switches.
  Result<void> require_flag(const char* field, bool value, bool fallback) const;

 private:
  Result<void> rope_of(const std::string& part);
  Result<void> rope_scaling(const std::string& part, const std::string& type, int64_t n_rot,
                            double theta);
  Result<void> llama3(const std::string& part, int64_t n_rot, double theta);
  Result<void> yarn(const std::string& part, double factor);
  Result<void> long_rope(const std::string& part, int64_t n_rot);
  void add_vector(const char* name, const std::vector<float>& values);

  HfConfig config_;
  std::string arch_;
  GgufWriter writer_;
  std::vector<HfTensor> tensors_;
  int64_t head_dim_ = 0;
  double rope_theta_ = 10000;
  double rotary_share_ = 1;
  bool yarn_scales_scores_ = false;
};

class HfImport {
 public:
  HfImport(const SafetensorsFile& file, const HfConfig& config);

  const HfConfig& config() const { return config_; }
  const std::string& path() const { return file_.path(); }
  int64_t n_head() const { return n_head_; }
  int64_t n_head_kv() const { return n_head_kv_; }

  // A tensor of the checkpoint; 8-bit floats come with the scales beside them multiplied in.
  // bad_format naming file and tensor when it is missing, unsupported for other types.
  Result<HfRows> rows(const std::string& name) const;
  // Its bytes as they are, whatever the type.
  Result<const SafetensorsTensor*> raw(const std::string& name) const;
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  // bad_format "NAME has the shape ..., but WHAT" unless true.
  Result<void> expect(bool right, const std::string& name, const Shape& shape,
                      std::string_view what) const;

  // Gives the model a tensor. What stays_f32() (model/type_mix.h) becomes f32.
  Result<void> add(const std::string& name, HfRows rows);
  // One of the tensors that stacked() puts together, in the order of their numbers.
  Result<void> add_part(const std::string& name, int64_t number, HfRows rows);
  // Everything added, parts put together. Call once.
  Result<std::vector<HfTensor>> finish();

 private:
  Result<HfRows> scaled_f8(const SafetensorsTensor& tensor) const;

  const SafetensorsFile& file_;
  const HfConfig& config_;
  int64_t n_head_ = 0, n_head_kv_ = 0;
  std::vector<HfTensor> tensors_;
  std::map<std::string, std::map<int64_t, HfRows>> parts_;
  std::map<std::string, bool> names_;
};

}  // namespace quire
