#include "server/registry.h"

#include "base/memory.h"
#include "format/json.h"

#include <algorithm>

namespace quire::server {
namespace {

// For models without a chat template: a base model goes on with what the messages say.
constexpr std::string_view plain_template =
    "{% for message in messages %}{{ message.content }}{% if not loop.last %}{{ '\\n' }}{% endif %}"
    "{% endfor %}";

// A cross-encoder gives scores whatever is asked of encoders.
EmbedderOptions embedder_options(const ModelOptions& wanted, const Model& model) {
  const RunnerOptions& runner = wanted.host.runner;
  EmbedderOptions options;
  if (default_pooling(model) != Pooling::rank) options.pooling = wanted.pooling;
  options.normalize = Normalize::no;  // as each request asks
  options.n_tokens_max = runner.n_ctx;
  options.n_threads = runner.n_threads;
  options.precision = runner.precision;
  return options;
}

double gib(int64_t bytes) { return static_cast<double>(bytes) / 0x1p30; }

}  // namespace

int64_t ServedModel::memory_bytes() const {
  const int64_t weights_and_cache = host ? host->memory_bytes() : model->weight_bytes();
  return weights_and_cache + embedder->memory_bytes();
}

ModelRegistry::ModelRegistry(Catalog& catalog, const ModelOptions& options)
    : catalog_(catalog), options_(options) {
  if (options_.memory_bytes_max == 0) options_.memory_bytes_max = physical_memory_bytes();
  expiry_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, std::chrono::seconds(1), [&] { return stop_; })) {
      lock.unlock();
      expire();
      lock.lock();
    }
  });
}

ModelRegistry::~ModelRegistry() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  expiry_.join();
}

bool ModelRegistry::in_use(const Entry& entry) {
  return entry.served.use_count() > 1 || (entry.served->host && !entry.served->host->idle());
}

namespace {

// An encoder's texts count as prompts that were run in a step each time.
void add_counted_of(const ServedModel& served, HostCounters& into) {
  if (served.host) add_counters(into, served.host->counters());
  into.n_prompt_tokens += served.embedder->n_tokens_run();
  into.n_steps += served.embedder->n_runs();
}

}  // namespace

// Out of the map, with what it has counted kept; to be destroyed after the lock.
std::shared_ptr<ServedModel> ModelRegistry::drop(std::map<std::string, Entry>::iterator at) {
  std::shared_ptr<ServedModel> served = std::move(at->second.served);
  add_counted_of(*served, unloaded_[served->name]);
  entries_.erase(at);
  return served;
}

void ModelRegistry::add_counted(HostCounters& into) const {
  for (const auto& [name, counters] : counted()) add_counters(into, counters);
}

std::map<std::string, HostCounters> ModelRegistry::counted() const {
  std::map<std::string, HostCounters> result;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, counters] : unloaded_) add_counters(result[name], counters);
  for (const auto& [key, entry] : entries_)
    add_counted_of(*entry.served, result[entry.served->name]);
  return result;
}

Result<std::shared_ptr<ServedModel>> ModelRegistry::acquire(const std::string& name,
                                                            std::optional<double> keep_alive_s) {
  const CatalogEntry wanted = TRY(catalog_.find(name));
  const double keep_s = keep_alive_s.value_or(options_.keep_alive_s);
  const auto find = [&]() -> std::shared_ptr<ServedModel> {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(wanted.key);
    if (found == entries_.end()) return nullptr;
    found->second.last_used = Clock::now();
    if (keep_alive_s) found->second.keep_alive_s = keep_s;
    return found->second.served;
  };
  if (auto served = find()) return served;
  const std::lock_guard loading(loading_);
  if (auto served = find()) return served;
  TRY(make_place(wanted.name));
  std::shared_ptr<ServedModel> served = TRY(load(wanted));
  TRY(make_room(served->memory_bytes(), wanted.name));
  const std::lock_guard lock(mutex_);
  entries_[wanted.key] = {served, Clock::now(), keep_s};
  return served;
}

// Weights are mapped and caches reserved: until it runs, a model that was loaded takes next to
// nothing.
Result<std::shared_ptr<ServedModel>> ModelRegistry::load(const CatalogEntry& entry) const {
  const auto start = Clock::now();
  auto served = std::make_shared<ServedModel>();
  served->name = entry.name;
  served->path = entry.path;
  served->key = entry.key;
  served->contents = entry.contents;
  if (entry.contents && !entry.contents->parameters.empty())
    served->parameters = TRY(parse_ordered_json(entry.contents->parameters, entry.name));
  const auto weights = TRY(Model::load(entry.path));
  const AdapterFiles adapters = TRY(adapters_of(entry));
  served->model = TRY(with_adapters(weights, adapters));
  served->embedder =
      std::make_unique<EmbedderHost>(served->model, embedder_options(options_, *served->model));
  TRY(set_up_chat(*served));  // of an encoder for chats to embed
  if (is_encoder(*served->model)) {
    TRY(served->embedder->start());
    served->load_s = std::chrono::duration<double>(Clock::now() - start).count();
    return served;
  }
  served->host = TRY(start_host(*served));
  set_up_adapters(*served);
  served->load_s = std::chrono::duration<double>(Clock::now() - start).count();
  return served;
}

// Those of the server's flags, then the Modelfile's own, as `quire run` has them.
Result<AdapterFiles> ModelRegistry::adapters_of(const CatalogEntry& entry) const {
  AdapterFiles files;
  const ModelAdapters& given = options_.adapters;
  if (!given.files.empty() && TRY(catalog_.find(given.model)).key == entry.key) files = given.files;
  if (entry.contents)
    for (const std::string& path : entry.contents->adapters) files.loras.push_back({path, 1});
  return files;
}

void ModelRegistry::set_up_adapters(ServedModel& served) const {
  const std::vector<AdapterInfo>& adapters = served.model->adapters();
  for (size_t i = 0; i < adapters.size(); ++i)
    if (adapters[i].kind == AdapterKind::lora) served.loras.push_back(i);
  const std::lock_guard lock(mutex_);
  if (const auto set = strengths_.find(served.key); set != strengths_.end())
    served.host->set_strengths(set->second);
}

void ModelRegistry::set_strengths(const ServedModel& served, std::vector<float> strengths) {
  const std::lock_guard lock(mutex_);
  strengths_[served.key] = strengths;
  served.host->set_strengths(std::move(strengths));
}

// The template of the server's flags, else the Modelfile's, else the weights' own.
Result<void> ModelRegistry::set_up_chat(ServedModel& served) const {
  const Tokenizer& tokenizer = served.tokenizer();
  std::string wanted = options_.chat_template;
  if (wanted.empty() && served.contents && served.contents->chat_template)
    wanted = *served.contents->chat_template;
  if (wanted.empty() && tokenizer.chat_template().empty()) {
    served.own_template = false;
    wanted = plain_template;
  }
  served.chat = TRY(ChatTemplate::create(tokenizer, wanted));
  served.format = find_reply_format(served.chat->source());
  return {};
}

// A draft model guesses for the models of its family; others draft from their own text.
Result<std::unique_ptr<EngineHost>> ModelRegistry::start_host(const ServedModel& served) const {
  HostOptions options = options_.host;
  const Json& n_ctx = served.parameters.value("num_ctx", Json());
  if (options.runner.n_ctx == 0 && n_ctx.is_number_integer() && n_ctx.get<int64_t>() > 0)
    options.runner.n_ctx = std::min(n_ctx.get<int64_t>(), served.model->hparams().n_ctx_train);
  // One --ctx-size is for all models: one that knows less gets what it knows.
  const int64_t known = served.model->hparams().n_ctx_train;
  if (known > 0 && options.runner.n_ctx > known) {
    fmt::print(stderr, "quire: {}: --ctx-size {} is more than the model knows: {} positions\n",
               served.name, options.runner.n_ctx, known);
    options.runner.n_ctx = known;
  }
  auto host = EngineHost::start(served.model, options);
  if (host.has_value() || options.drafts.model == nullptr ||
      host.error().fault != Fault::unsupported)
    return host;
  fmt::print(stderr, "quire: note: no drafts by that model: {}\n", host.error().text);
  options.drafts.model = nullptr;
  return EngineHost::start(served.model, options);
}

// Of those that nobody uses; end() when all are in use.
std::map<std::string, ModelRegistry::Entry>::iterator ModelRegistry::longest_unused() {
  auto oldest = entries_.end();
  for (auto at = entries_.begin(); at != entries_.end(); ++at)
    if (!in_use(at->second) &&
        (oldest == entries_.end() || at->second.last_used < oldest->second.last_used))
      oldest = at;
  return oldest;
}

// So that one more is not one too many. Whoever waits holds `loading_`: the others stand behind.
Result<void> ModelRegistry::make_place(const std::string& name) {
  if (options_.n_models_max == 0) return {};
  const auto deadline = Clock::now() + std::chrono::duration<double>(wait_s_max);
  while (true) {
    std::vector<std::shared_ptr<ServedModel>> dropped;  // destroyed after the lock
    std::unique_lock lock(mutex_);
    while (static_cast<int64_t>(entries_.size()) >= options_.n_models_max) {
      const auto oldest = longest_unused();
      if (oldest == entries_.end()) break;
      dropped.push_back(drop(oldest));
    }
    if (static_cast<int64_t>(entries_.size()) < options_.n_models_max) return {};
    if (stop_ || Clock::now() >= deadline)
      return fail(Fault::device,
                  "{} is not loaded: {} models are in use, as many as may be loaded at once "
                  "(--models-max); try again later",
                  name, entries_.size());
    stopped_.wait_for(lock, std::chrono::milliseconds(20), [&] { return stop_; });
  }
}

// Unloads those that nobody uses, the one used longest ago first, until there is room.
Result<void> ModelRegistry::make_room(int64_t bytes_wanted, const std::string& name) {
  std::vector<std::shared_ptr<ServedModel>> dropped;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  while (true) {
    int64_t n_bytes = bytes_wanted;
    for (const auto& [key, entry] : entries_) n_bytes += entry.served->memory_bytes();
    if (n_bytes <= options_.memory_bytes_max) return {};
    const auto oldest = longest_unused();
    if (oldest == entries_.end())
      return fail(Fault::device,
                  "{} takes {:.2f} GiB, with the models in use that is {:.2f} GiB and at most "
                  "{:.2f} GiB may be taken (--models-memory); try again later or take a shorter "
                  "context",
                  name, gib(bytes_wanted), gib(n_bytes), gib(options_.memory_bytes_max));
    dropped.push_back(drop(oldest));
  }
}

void ModelRegistry::expire() {
  std::vector<std::shared_ptr<ServedModel>> dropped;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  for (auto at = entries_.begin(); at != entries_.end();) {
    Entry& entry = at->second;
    if (in_use(entry)) entry.last_used = now;
    const double unused_s = std::chrono::duration<double>(now - entry.last_used).count();
    if (entry.keep_alive_s < 0 || unused_s < entry.keep_alive_s || in_use(entry)) {
      ++at;
      continue;
    }
    dropped.push_back(drop(at++));
  }
}

void ModelRegistry::release(const std::string& name) {
  const auto wanted = catalog_.find(name);
  if (!wanted) return;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(wanted->key);
    if (found == entries_.end()) return;
    found->second.keep_alive_s = 0;
  }
  expire();
}

bool ModelRegistry::is_loaded(const CatalogEntry& entry) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(entry.key);
}

std::vector<ModelRegistry::Loaded> ModelRegistry::loaded() const {
  const std::lock_guard lock(mutex_);
  std::vector<Loaded> result;
  for (const auto& [path, entry] : entries_) {
    Loaded loaded{entry.served, -1};
    if (entry.keep_alive_s >= 0) {
      const double unused_s = std::chrono::duration<double>(Clock::now() - entry.last_used).count();
      loaded.expires_in_s = std::max(0.0, entry.keep_alive_s - unused_s);
    }
    result.push_back(std::move(loaded));
  }
  return result;
}

}  // namespace quire::server
