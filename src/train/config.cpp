#include "train/config.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace quire {
namespace {

using nlohmann::json;

// Reads typed fields, remembering the first that is missing or wrong.
class Reader {
 public:
  Reader(const json& object, std::string name) : object_(&object), name_(std::move(name)) {
    if (!object.is_object()) note("is no object");
  }
  void get(const char* field, int64_t& value) {
    if (const json* j = find(field)) {
      if (j->is_number_integer() && j->get<int64_t>() >= 0 &&
          j->get<uint64_t>() <= uint64_t{1} << 40)
        value = j->get<int64_t>();
      else
        note(field);
    }
  }
  void get(const char* field, uint64_t& value) {
    if (const json* j = find(field)) {
      if (j->is_number_unsigned())
        value = j->get<uint64_t>();
      else
        note(field);
    }
  }
  void get(const char* field, double& value) {
    if (const json* j = find(field)) {
      if (j->is_number())
        value = j->get<double>();
      else
        note(field);
    }
  }
  void get(const char* field, bool& value) {
    if (const json* j = find(field)) {
      if (j->is_boolean())
        value = j->get<bool>();
      else
        note(field);
    }
  }
  void get(const char* field, std::string& value) {
    if (const json* j = find(field)) {
      if (j->is_string())
        value = j->get<std::string>();
      else
        note(field);
    }
  }
  const json* find(const char* field) {
    if (!object_->is_object()) return nullptr;
    const auto it = object_->find(field);
    if (it == object_->end()) {
      note(field);
      return nullptr;
    }
    return &*it;
  }
  Result<void> done() const {
    if (wrong_.empty()) return {};
    return fail(Fault::bad_format, "{}: '{}' is missing or of the wrong type", name_, wrong_);
  }

 private:
  void note(const char* what) {
    if (wrong_.empty()) wrong_ = what;
  }
  const json* object_;
  std::string name_, wrong_;
};

template <class T>
void compare(std::vector<std::string>& out, const char* what, const T& then, const T& now) {
  if (then != now) out.push_back(fmt::format("{} {}, now {}", what, then, now));
}

}  // namespace

int64_t choose_micro_batch(int64_t batch, int64_t n_ctx) {
  const int64_t most = std::max<int64_t>(1, 4096 / n_ctx);
  for (int64_t m = std::min(batch, most); m > 1; --m)
    if (batch % m == 0) return m;
  return 1;
}

Result<Hparams> make_hparams(const ModelShape& shape, int64_t n_vocab) {
  if (shape.n_head <= 0 || shape.n_embd % shape.n_head != 0)
    return fail(Fault::usage, "--n-embd {} is not a multiple of --n-head {}", shape.n_embd,
                shape.n_head);
  const int64_t n_head_kv = shape.n_head_kv == 0 ? shape.n_head : shape.n_head_kv;
  if (shape.n_head % n_head_kv != 0)
    return fail(Fault::usage, "--n-head {} is not a multiple of --n-head-kv {}", shape.n_head,
                n_head_kv);
  Hparams h;
  h.arch = shape.arch;
  h.n_vocab = n_vocab;
  h.n_ctx_train = shape.n_ctx;
  h.n_embd = shape.n_embd;
  h.n_layer = shape.n_layer;
  h.n_head = shape.n_head;
  h.n_head_kv = n_head_kv;
  h.head_dim = shape.n_embd / shape.n_head;
  h.tied_head = shape.tied;
  if (shape.arch == "gpt2") {
    if (n_head_kv != shape.n_head)
      return fail(Fault::usage, "--n-head-kv {}: gpt2 has as many key/value heads as heads ({})",
                  n_head_kv, shape.n_head);
    h.n_ff = shape.n_ff == 0 ? 4 * shape.n_embd : shape.n_ff;
    h.norm = NormKind::layer;
  } else {
    if (h.head_dim % 2 != 0)
      return fail(Fault::usage, "--n-embd {} / --n-head {} = {}: rope needs an even head width",
                  shape.n_embd, shape.n_head, h.head_dim);
    h.n_ff = shape.n_ff == 0 ? (shape.n_embd * 8 / 3 + 31) / 32 * 32 : shape.n_ff;
    h.n_rot = h.head_dim;
    h.rope_theta = static_cast<float>(shape.rope_theta);
    h.rope_n_ctx_orig = shape.n_ctx;
  }
  return h;
}

json to_json(const TrainConfig& c) {
  json data = json::array();
  for (const DataFile& file : c.data)
    data.push_back(
        {{"path", file.path}, {"weight", file.weight}, {"fingerprint", file.fingerprint}});
  const ModelShape& s = c.shape;
  return {{"shape",
           {{"arch", s.arch},
            {"n_layer", s.n_layer},
            {"n_embd", s.n_embd},
            {"n_head", s.n_head},
            {"n_head_kv", s.n_head_kv},
            {"n_ff", s.n_ff},
            {"n_ctx", s.n_ctx},
            {"tied", s.tied},
            {"rope_theta", s.rope_theta}}},
          {"data", data},
          {"tokenizer", c.tokenizer},
          {"n_vocab", c.n_vocab},
          {"held_out", c.held_out},
          {"seed", c.seed},
          {"init_std", c.init_std},
          {"batch", c.batch},
          {"micro_batch", c.micro_batch},
          {"schedule",
           {{"kind", schedule_name(c.schedule.kind)},
            {"peak", c.schedule.peak},
            {"min", c.schedule.min},
            {"n_warmup", c.schedule.n_warmup},
            {"n_steps", c.schedule.n_steps},
            {"decay_share", c.schedule.decay_share}}},
          {"optimizer",
           {{"beta1", c.optimizer.beta1},
            {"beta2", c.optimizer.beta2},
            {"eps", c.optimizer.eps},
            {"weight_decay", c.optimizer.weight_decay},
            {"clip", c.optimizer.clip}}},
          {"eval_every", c.eval_every},
          {"checkpoint_every", c.checkpoint_every},
          {"eval_tokens", c.eval_tokens},
          {"n_keep", c.n_keep}};
}

Result<TrainConfig> config_from_json(const json& object, const std::string& name) {
  TrainConfig c;
  const json none;
  Reader top(object, name);
  const auto part = [&](const char* field) {
    const json* found = top.find(field);
    return found == nullptr ? &none : found;
  };
  Reader shape(*part("shape"), name + ": shape");
  shape.get("arch", c.shape.arch);
  shape.get("n_layer", c.shape.n_layer);
  shape.get("n_embd", c.shape.n_embd);
  shape.get("n_head", c.shape.n_head);
  shape.get("n_head_kv", c.shape.n_head_kv);
  shape.get("n_ff", c.shape.n_ff);
  shape.get("n_ctx", c.shape.n_ctx);
  shape.get("tied", c.shape.tied);
  shape.get("rope_theta", c.shape.rope_theta);
  const json& files = *part("data");
  if (!files.is_array()) return fail(Fault::bad_format, "{}: 'data' is no list", name);
  for (const json& element : files) {
    DataFile file;
    Reader reader(element, name + ": data");
    reader.get("path", file.path);
    reader.get("weight", file.weight);
    reader.get("fingerprint", file.fingerprint);
    TRY(reader.done());
    c.data.push_back(std::move(file));
  }
  top.get("tokenizer", c.tokenizer);
  top.get("n_vocab", c.n_vocab);
  top.get("held_out", c.held_out);
  top.get("seed", c.seed);
  top.get("init_std", c.init_std);
  top.get("batch", c.batch);
  top.get("micro_batch", c.micro_batch);
  Reader schedule(*part("schedule"), name + ": schedule");
  std::string kind;
  schedule.get("kind", kind);
  schedule.get("peak", c.schedule.peak);
  schedule.get("min", c.schedule.min);
  schedule.get("n_warmup", c.schedule.n_warmup);
  schedule.get("n_steps", c.schedule.n_steps);
  schedule.get("decay_share", c.schedule.decay_share);
  Reader optimizer(*part("optimizer"), name + ": optimizer");
  optimizer.get("beta1", c.optimizer.beta1);
  optimizer.get("beta2", c.optimizer.beta2);
  optimizer.get("eps", c.optimizer.eps);
  optimizer.get("weight_decay", c.optimizer.weight_decay);
  optimizer.get("clip", c.optimizer.clip);
  top.get("eval_every", c.eval_every);
  top.get("checkpoint_every", c.checkpoint_every);
  top.get("eval_tokens", c.eval_tokens);
  top.get("n_keep", c.n_keep);
  for (const Reader* reader : {&top, &shape, &schedule, &optimizer}) TRY(reader->done());
  c.schedule.kind = TRY(schedule_from_name(kind));
  for (int64_t n : {c.shape.n_layer, c.shape.n_embd, c.shape.n_head, c.shape.n_ctx, c.batch,
                    c.micro_batch, c.schedule.n_steps, c.n_keep})
    if (n < 1) return fail(Fault::bad_format, "{}: a count that must be positive is 0", name);
  if (c.batch % c.micro_batch != 0)
    return fail(Fault::bad_format, "{}: the batch {} is no multiple of the micro-batch {}", name,
                c.batch, c.micro_batch);
  return c;
}

std::vector<std::string> conflicts(const TrainConfig& then, const TrainConfig& now) {
  std::vector<std::string> out;
  const ModelShape &a = then.shape, &b = now.shape;
  compare(out, "arch", a.arch, b.arch);
  compare(out, "n_layer", a.n_layer, b.n_layer);
  compare(out, "n_embd", a.n_embd, b.n_embd);
  compare(out, "n_head", a.n_head, b.n_head);
  compare(out, "n_head_kv", a.n_head_kv, b.n_head_kv);
  compare(out, "n_ff", a.n_ff, b.n_ff);
  compare(out, "n_ctx", a.n_ctx, b.n_ctx);
  compare(out, "tied", a.tied, b.tied);
  compare(out, "rope_theta", a.rope_theta, b.rope_theta);
  compare(out, "number of data files", then.data.size(), now.data.size());
  for (size_t i = 0; i < std::min(then.data.size(), now.data.size()); ++i) {
    const DataFile &x = then.data[i], &y = now.data[i];
    if (x.fingerprint != y.fingerprint)
      out.push_back(x.path == y.path ? fmt::format("the content of {}", x.path)
                                     : fmt::format("data file {}, now {}", x.path, y.path));
    compare(out, fmt::format("weight of {}", y.path).c_str(), x.weight, y.weight);
  }
  compare(out, "vocabulary size", then.n_vocab, now.n_vocab);
  if (then.tokenizer != now.tokenizer) out.emplace_back("the tokenizer");
  compare(out, "held-out share", then.held_out, now.held_out);
  compare(out, "seed", then.seed, now.seed);
  compare(out, "init_std", then.init_std, now.init_std);
  compare(out, "batch", then.batch, now.batch);
  compare(out, "micro-batch", then.micro_batch, now.micro_batch);
  return out;
}

std::vector<std::string> changes(const TrainConfig& then, const TrainConfig& now) {
  std::vector<std::string> out;
  const Schedule &a = then.schedule, &b = now.schedule;
  compare<std::string>(out, "schedule", schedule_name(a.kind), schedule_name(b.kind));
  compare(out, "steps", a.n_steps, b.n_steps);
  compare(out, "lr", a.peak, b.peak);
  compare(out, "min-lr", a.min, b.min);
  compare(out, "warmup", a.n_warmup, b.n_warmup);
  compare(out, "decay-share", a.decay_share, b.decay_share);
  const OptimizerOptions &o = then.optimizer, &p = now.optimizer;
  compare(out, "beta1", o.beta1, p.beta1);
  compare(out, "beta2", o.beta2, p.beta2);
  compare(out, "eps", o.eps, p.eps);
  compare(out, "weight-decay", o.weight_decay, p.weight_decay);
  compare(out, "clip", o.clip, p.clip);
  return out;
}

}  // namespace quire
