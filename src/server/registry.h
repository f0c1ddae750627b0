// The models that are loaded: loaded when first asked for, kept for a while, several at once within
// a budget of memory. What each takes is computed, not watched: weights, keys and values, and
// activations.
#pragma once
#include "chat/chat_template.h"
#include "chat/reply_format.h"
#include "model/adapter.h"
#include "server/catalog.h"
#include "server/embedder_host.h"
#include "server/engine_host.h"
#include "server/json.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace quire::server {

// Adapters that one model gets beside those it brings.
struct ModelAdapters {
  std::string model;  // its name in the catalog; empty: the first one's
  AdapterFiles files;
};

struct ModelOptions {
  HostOptions host;
  ModelAdapters adapters{};
  Pooling pooling = Pooling::unspecified;  // of encoders; unspecified: as the file says
  std::string chat_template;     // as ChatTemplate::create takes it; empty: the model's own
  double keep_alive_s = 300;     // after the last request; below 0: for ever
  int64_t memory_bytes_max = 0;  // of all loaded models; 0: physical memory
  int32_t n_models_max = 0;      // loaded at once; 0: as many as there is memory for
};

// A loaded model with all that requests need of it.
struct ServedModel {
  std::string name, path;
  std::string key;                                // see CatalogEntry
  std::shared_ptr<const ModelContents> contents;  // null when it is weights alone
  Json parameters = Json::object();               // of a Modelfile: defaults of requests
  std::shared_ptr<const Model> model;
  std::shared_ptr<const ChatTemplate> chat;
  bool own_template = true;  // false: it has none, messages are joined to a plain text
  ReplyFormat format;
  std::unique_ptr<EngineHost> host;        // null for an encoder, which makes no text
  std::unique_ptr<EmbedderHost> embedder;  // starts when vectors are asked for
  double load_s = 0;
  std::vector<size_t> loras{};  // among model->adapters(); a LoRA's id is its place here

  const Tokenizer& tokenizer() const { return model->tokenizer(); }
  int64_t n_ctx() const { return host ? host->n_ctx() : embedder->n_tokens_max(); }
  int64_t memory_bytes() const;  // weights, caches, activations
};

// Safe to call from many threads. A shared_ptr that it gives out keeps the model loaded.
class ModelRegistry {
 public:
  ModelRegistry(Catalog& catalog, const ModelOptions& options);
  ~ModelRegistry();

  // Loads it when it is not loaded; device when it does not fit beside those in use. Where
  // n_models_max are in use it waits for one of them, at most wait_s_max. keep_alive_s:
  // instead of the option.
  Result<std::shared_ptr<ServedModel>> acquire(const std::string& name,
                                               std::optional<double> keep_alive_s = {});
  // What the model's adapters do from now on where a request says nothing; kept while it is not
  // loaded.
  void set_strengths(const ServedModel& served, std::vector<float> strengths);
  // Unloads it as soon as nobody uses it.
  void release(const std::string& name);

  struct Loaded {
    std::shared_ptr<ServedModel> served;
    double expires_in_s = -1;  // below 0: never
  };
  std::vector<Loaded> loaded() const;
  bool is_loaded(const CatalogEntry& entry) const;
  // What all models have counted since the start, those that were unloaded too.
  void add_counted(HostCounters& into) const;
  // The same of each model by its name.
  std::map<std::string, HostCounters> counted() const;
  Catalog& catalog() const { return catalog_; }
  const ModelOptions& options() const { return options_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::shared_ptr<ServedModel> served;
    Clock::time_point last_used;
    double keep_alive_s;
  };
  Result<std::shared_ptr<ServedModel>> load(const CatalogEntry& entry) const;
  Result<void> set_up_chat(ServedModel& served) const;
  Result<AdapterFiles> adapters_of(const CatalogEntry& entry) const;
  void set_up_adapters(ServedModel& served) const;
  Result<std::unique_ptr<EngineHost>> start_host(const ServedModel& served) const;
  static constexpr double wait_s_max = 600;
  Result<void> make_room(int64_t bytes_wanted, const std::string& name);
  Result<void> make_place(const std::string& name);
  std::map<std::string, Entry>::iterator longest_unused();
  static bool in_use(const Entry& entry);
  std::shared_ptr<ServedModel> drop(std::map<std::string, Entry>::iterator at);
  void expire();

  Catalog& catalog_;
  ModelOptions options_;
  mutable std::mutex mutex_;
  std::mutex loading_;                                   // one model is loaded at a time
  std::map<std::string, Entry> entries_;                 // by key
  std::map<std::string, std::vector<float>> strengths_;  // that were set, by key
  std::map<std::string, HostCounters> unloaded_;         // of models that are gone
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread expiry_;
};

}  // namespace quire::server
