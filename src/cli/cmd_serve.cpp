// quire serve: one set of weights for many users, through the APIs they use already.
#include "base/file.h"
#include "cli/generation.h"
#include "cli/llama_server_flags.h"
#include "cli/model_store.h"
#include "cli/prompt_cache.h"
#include "cli/tool_flags.h"
#include "server/app.h"
#include "server/store_catalog.h"

#include <malloc.h>
#include <pthread.h>

#include <csignal>

namespace quire {
namespace {

using server::App;
using server::AppHandler;
using server::AppOptions;
using server::FileCatalog;
using server::HttpServer;
using server::HttpServerOptions;

constexpr int32_t n_parallel_standard = 8;

struct ServeFlags {
  std::vector<std::string> models, aliases, api_keys, allowed_hosts, cors_origins;
  std::string host = "127.0.0.1", api_key_file, tls_certificate, tls_key, chat_template;
  std::string chat_template_file, slot_folder;
  std::string cache_folder, cache_size = "8G", state_cache_size = "1G";
  int port = 8080, ollama_port = 0;
  bool loras_rest = false, share_cache = false;
  bool no_auth = false, quiet = false, log_prompts = false, lazy = false, no_webui = false;
  int32_t n_parallel = 0;  // 0: n_parallel_standard
  int64_t n_pool = 0;
  double keep_alive_s = 300, drain_timeout_s = 30, models_memory_gib = 0;
  int64_t max_body_bytes = int64_t{32} << 20, max_header_bytes = 64 << 10,
          max_blob_bytes = int64_t{1} << 40;
  HttpServerOptions http;
  AppOptions app;
  ModelFlags model;
  DraftFlags drafts;
  LlamaServerFlags llama;
  ToolFlags tools;
};

// Each may hold several, with commas between them.
std::vector<std::string> separated(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  for (const std::string& text : texts)
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      all.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  return all;
}

// One key a line; lines that begin with # are left out.
Result<std::vector<std::string>> api_keys(const ServeFlags& flags) {
  std::vector<std::string> keys = separated(flags.api_keys);
  if (!flags.api_key_file.empty()) {
    const std::string text = TRY(read_file(flags.api_key_file, 1 << 20));
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      std::string line = text.substr(begin, end - begin);
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      if (!line.empty() && line[0] != '#') keys.push_back(std::move(line));
      begin = end + 1;
    }
    if (keys.empty()) return fail(Fault::usage, "{}: there is no key in it", flags.api_key_file);
  }
  for (const std::string& key : keys)
    if (key.empty()) return fail(Fault::usage, "--api-key: the key is empty");
  return keys;
}

Result<std::vector<FileCatalog::Alias>> aliases(const ServeFlags& flags) {
  std::vector<FileCatalog::Alias> result;
  std::vector<std::string> names = separated(flags.aliases);
  if (is_like_llama_server(flags.llama)) std::ranges::sort(names);  // the first is the model's name
  for (const std::string& text : names) {
    const size_t equals = text.find('=');
    const std::string first = flags.models.empty() ? "" : flags.models.front();
    result.push_back(
        {text.substr(0, equals), equals == text.npos ? first : text.substr(equals + 1)});
    if (result.back().name.empty())
      return fail(Fault::usage, "--alias: '{}' has no name; as in --alias NAME or NAME=MODEL",
                  text);
  }
  return result;
}

// The folder asked for must be usable; one that nobody asked for is done without.
Result<BlockStoreOptions> prompt_cache(const ServeFlags& flags) {
  BlockStoreOptions options;
  options.bytes_max = TRY(bytes_from("--prompt-cache-size", flags.cache_size));
  if (options.bytes_max == 0) return options;
  options.folder = flags.cache_folder.empty() ? default_prompt_cache() : flags.cache_folder;
  options.log = log_of_store;
  const Result<void> usable = make_usable(options.folder);
  if (usable) return options;
  const std::string& why = usable.error().text;
  if (!flags.cache_folder.empty()) return fail(Fault::io, "--prompt-cache-dir: {}", why);
  fmt::print(stderr, "quire: prompts are not kept on disk: {}\n", why);
  options.folder.clear();
  return options;
}

// All positions stay in the pool; a sequence may have its share of them.
Result<void> divide_context(const ServeFlags& flags, RunnerOptions& runner) {
  if (!divides_context(flags.llama, flags.n_parallel > 0) || runner.n_ctx == 0) return {};
  if (runner.n_ctx < runner.n_sequences)
    return fail(Fault::usage, "--ctx-size {} cannot be divided among {} sequences", runner.n_ctx,
                runner.n_sequences);
  runner.n_pool = std::max(runner.n_pool, runner.n_ctx);
  runner.n_ctx /= runner.n_sequences;
  return {};
}

// Whoever can come in can use them.
Result<void> give_tools(const ServeFlags& flags, AppOptions& options) {
  if (!server::is_loopback(flags.host) && options.gate.api_keys.empty() && gives_tools(flags.tools))
    return fail(Fault::usage,
                "--host {} with tools and without a key would let other machines do on this one "
                "what they like: give a key with --api-key or --api-key-file",
                flags.host);
  const auto lets_all_in = [](const std::vector<std::string>& list) {
    return std::ranges::find(list, "*") != list.end();
  };
  for (const auto& [flag, list] : {std::pair("--cors-origin", &options.gate.cors_origins),
                                   std::pair("--allowed-host", &options.gate.allowed_hosts)})
    if (gives_tools(flags.tools) && options.gate.api_keys.empty() && lets_all_in(*list))
      return fail(Fault::usage,
                  "{} * with tools and without a key would let any page of the web do on this "
                  "machine what it likes: give a key with --api-key or --api-key-file, or list "
                  "those that may",
                  flag);
  return apply(flags.tools, options);
}

Result<AppOptions> app_options(const ServeFlags& flags) {
  AppOptions options = flags.app;
  TRY(apply(flags.llama, options));
  options.gate.api_keys = TRY(api_keys(flags));
  options.gate.allowed_hosts = flags.allowed_hosts;
  options.gate.share_cache = flags.share_cache;
  options.gate.cors_origins = separated(flags.cors_origins);
  // A page of anywhere may ask, as there, where it must know a key.
  if (is_like_llama_server(flags.llama) && flags.cors_origins.empty() &&
      !options.gate.api_keys.empty())
    options.gate.cors_origins = {gives_tools(flags.tools) ? "localhost" : "*"};
  options.router = is_like_llama_server(flags.llama) && flags.models.empty() &&
                   flags.model.model.empty() && flags.llama.hf_repo.empty();
  if (options.router) options.any_model_name = false;
  options.log_requests = !flags.quiet;
  options.log_prompts = flags.log_prompts;
  if (!server::is_loopback(flags.host)) {
    if (options.gate.api_keys.empty() && !flags.no_auth)
      return fail(Fault::usage,
                  "--host {} lets other machines in: give a key with --api-key or "
                  "--api-key-file, or say --no-auth",
                  flags.host);
    options.gate.allowed_hosts.push_back(flags.host);
  }
  TRY(give_tools(flags, options));
  options.web.enabled = !flags.no_webui;
  options.ollama_port = flags.ollama_port;
  options.slot_folder = flags.slot_folder;
  options.web.state_path = quire_home() + "/app.db";
  server::ModelOptions& models = options.models;
  models.host.runner = TRY(runner_options(flags.model));
  models.host.runner.n_sequences = flags.n_parallel > 0 ? flags.n_parallel : n_parallel_standard;
  models.host.runner.n_pool = std::max<int64_t>(flags.n_pool, 1);  // never below one context
  TRY(divide_context(flags, models.host.runner));
  models.host.runner.store = TRY(prompt_cache(flags));
  models.host.runner.snapshot_bytes = TRY(bytes_from("--state-cache-size", flags.state_cache_size));
  models.host.drafts = TRY(draft_options(flags.drafts));
  models.keep_alive_s =
      flags.llama.sleep_idle_s >= 0 ? flags.llama.sleep_idle_s : flags.keep_alive_s;
  models.memory_bytes_max = static_cast<int64_t>(flags.models_memory_gib * 0x1p30);
  models.adapters.files = TRY(adapter_files(flags.model.adapters));
  if (flags.loras_rest)
    for (AdapterFile& file : models.adapters.files.loras) file.strength = 0;
  if (!flags.models.empty()) models.adapters.model = flags.models.front();
  if (!flags.model.model.empty()) models.adapters.model = flags.model.model;
  models.chat_template = flags.chat_template;
  if (!flags.chat_template_file.empty()) {
    if (!flags.chat_template.empty())
      return fail(Fault::usage,
                  "the chat template is given twice: --chat-template and --chat-template-file");
    models.chat_template = TRY(read_file(flags.chat_template_file, 16 << 20));
  }
  return options;
}

Result<std::unique_ptr<server::StoreCatalog>> make_catalog(
    const std::vector<std::string>& models, const std::vector<FileCatalog::Alias>& names,
    const std::string& hub_token) {
  server::StoreCatalogOptions options;
  options.store = model_store().root();
  options.caches = cache_folders();
  options.pull = pull_options();
  if (!hub_token.empty()) options.pull.hugging_face_token = hub_token;
  options.push.http = registry_options();
  options.push.key_files = signing_key_files();
  options.push.logins = registry_logins();
  auto files = TRY(FileCatalog::create(models, names, [](const std::string& name) {
    return find_stored(model_store(), cache_folders(), name);
  }));
  return std::make_unique<server::StoreCatalog>(std::move(files), std::move(options));
}

Result<HttpServerOptions> http_options(const ServeFlags& flags) {
  HttpServerOptions options = flags.http;
  options.addresses.push_back({flags.host, flags.port});
  if (flags.ollama_port > 0) options.addresses.push_back({flags.host, flags.ollama_port});
  if (flags.tls_certificate.empty() != flags.tls_key.empty())
    return fail(Fault::usage, "--tls-cert and --tls-key go together");
  options.tls_certificate = flags.tls_certificate;
  options.tls_key = flags.tls_key;
  options.limits.body_bytes_max = static_cast<uint64_t>(flags.max_body_bytes);
  options.limits.blob_bytes_max = static_cast<uint64_t>(flags.max_blob_bytes);
  options.limits.header_bytes_max = static_cast<uint32_t>(flags.max_header_bytes);
  return options;
}

sigset_t end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

void announce(const ServeFlags& flags, const HttpServer& http, const App& app) {
  const char* scheme = flags.tls_certificate.empty() ? "http" : "https";
  for (const int port : http.ports())
    fmt::print(stderr, "quire: serving at {}://{}:{}\n", scheme, flags.host, port);
  for (const auto& loaded : app.models.loaded()) {
    if (!loaded.served->host) {
      fmt::print(stderr, "quire: {}: an encoder of {} of texts up to {} tokens, {:.2f} GiB\n",
                 loaded.served->name, loaded.served->embedder->ranks() ? "scores" : "vectors",
                 loaded.served->n_ctx(),
                 static_cast<double>(loaded.served->memory_bytes()) / 0x1p30);
      continue;
    }
    const auto& host = *loaded.served->host;
    fmt::print(stderr,
               "quire: {}: {} positions of context, up to {} sequences at once, {:.2f} GiB\n",
               loaded.served->name, host.n_ctx(), host.n_slots(),
               static_cast<double>(loaded.served->memory_bytes()) / 0x1p30);
    if (!loaded.served->own_template)
      fmt::print(stderr,
                 "quire: {}: no chat template, so the messages of a chat are joined to a plain "
                 "text; --chat-template takes one\n",
                 loaded.served->name);
  }
}

Result<int> run(const ServeFlags& flags) {
  std::signal(SIGPIPE, SIG_IGN);
  // Every thread would keep freed memory of its own; a few share it.
  ::mallopt(M_ARENA_MAX, 2);
  std::vector<std::string> models = flags.models;
  if (!flags.llama.hf_repo.empty()) models.insert(models.begin(), TRY(hub_model(flags.llama)));

  const sigset_t signals = end_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // for all threads that follow
  if (!flags.model.model.empty()) models.insert(models.begin(), flags.model.model);
  const auto names = TRY(aliases(flags));
  const auto catalog = TRY(make_catalog(models, names, flags.llama.hf_token));
  const AppOptions options = TRY(app_options(flags));
  const HttpServerOptions http_settings = TRY(http_options(flags));
  App app(options, *catalog);
  // Models that were named are loaded at once and stay; others come when they are asked for.
  if (!flags.lazy)
    for (const std::string& model : models)
      app.props(*TRY(app.models.acquire(model, flags.llama.sleep_idle_s)));
  // The web app's chats: what is wrong with them is better said now than at the first visit.
  if (options.web.enabled && file_exists(options.web.state_path)) std::ignore = app.saved_state();
  note_ignored(flags.llama);
  AppHandler handler(app);
  const auto http = TRY(HttpServer::start(http_settings, handler));
  announce(flags, *http, app);
  int signal = 0;
  ::sigwait(&signals, &signal);
  fmt::print(stderr, "quire: ending: {} connections, at most {:g} s for their answers\n",
             http->n_connections(), flags.drain_timeout_s);
  // A second signal ends at once.
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  app.request_log.close();  // who watches need not be waited for
  app.model_events.close();
  app.end();
  http->drain(flags.drain_timeout_s);
  return 0;
}

void add_access_flags(CommandLine& app, ServeFlags& flags) {
  add_text(app, "--host", flags.host, "address to listen on", "ADDRESS")->capture_default_str();
  add_int(app, "--port", flags.port, "port; 0: any that is free", 0, 65535);
  add_int(app, "--ollama-port", flags.ollama_port, "a second port, as 11434 for Ollama's clients",
          0, 65535);
  const auto add_list = [&](const char* name, std::vector<std::string>& list, const char* help,
                            const char* type) {
    app.add_option(name, list, help)->type_name(type)->allow_extra_args(false);
  };
  add_list("--api-key", flags.api_keys, "key that clients must have; may be given again", "KEY");
  add_text(app, "--api-key-file", flags.api_key_file, "file of keys, one a line", "FILE");
  app.add_flag("--no-auth", flags.no_auth, "let anyone in although --host is not this machine");
  add_list("--allowed-host", flags.allowed_hosts, "name that the Host header may have; *: any",
           "NAME");
  add_list("--cors-origin,--cors-origins", flags.cors_origins,
           "web page that may use the server; localhost: those of this machine; *: any", "ORIGIN");
  add_text(app, "--tls-cert,--ssl-cert-file", flags.tls_certificate, "PEM certificate chain: HTTPS",
           "FILE");
  add_text(app, "--tls-key,--ssl-key-file", flags.tls_key, "its PEM key", "FILE");
  app.add_flag("--no-webui,--no-ui", flags.no_webui, "no web app at /");
  app.add_flag("-q,--quiet,--log-disable", flags.quiet, "no log line for each request");
  app.add_flag("--log-prompts", flags.log_prompts, "log the bodies of requests, too");
}

void add_model_options(CommandLine& app, ServeFlags& flags) {
  add_model_flags(app, flags.model);
  add_exact_flag(app, flags.model);
  add_adapter_flags(app, flags.model.adapters);
  app.add_flag("--lora-init-without-apply", flags.loras_rest,
               "adapters do nothing until a request or POST /lora-adapters says how much");
  add_draft_flags(app, flags.drafts);
  add_int(app, "--parallel,--np", flags.n_parallel, "sequences at once; 0: 8", 0, 256);
  add_int(app, "--pool", flags.n_pool,
          "positions of all sequences together; 0: --ctx-size, which one may have alone", 0,
          INT32_MAX);
  add_text(app, "--prompt-cache-dir", flags.cache_folder,
           "where prompts are kept, run once for all; default ~/.quire/prompt-cache", "FOLDER");
  add_text(app, "--prompt-cache-size", flags.cache_size, "of all of them, as 500M; 0: none", "SIZE")
      ->capture_default_str();
  add_text(app, "--state-cache-size", flags.state_cache_size,
           "of recurrent models: memory for states of prompts, to go on from", "SIZE")
      ->capture_default_str();
  app.add_flag("--share-prompt-cache", flags.share_cache,
               "whoever has a key may use what others' prompts left; without it each key its own");
  add_text(app, "--slot-save-path", flags.slot_folder,
           "where POST /slots/{id} saves what was run under a number", "FOLDER");
  add_text(app, "--chat-template", flags.chat_template,
           "a name (chatml, llama3, gemma, ...) or the text of a Jinja template", "NAME|TEXT");
  add_text(app, "--chat-template-file", flags.chat_template_file, "a Jinja template in a file",
           "FILE");
  app.add_flag("--any-model-name", flags.app.any_model_name,
               "a model name that is not here means the first model");
  app.add_option("-a,--alias", flags.aliases,
                 "another name: NAME of the first model, or NAME=MODEL")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_flag("--lazy", flags.lazy, "load models when they are asked for first");
  add_number(app, "--keep-alive", flags.keep_alive_s,
             "seconds that a model asked for stays loaded; -1: for ever", -1, 1e9);
  add_number(app, "--models-memory", flags.models_memory_gib,
             "GiB that loaded models may take together; 0: all of the machine's", 0, 1e6);
}

void add_limit_flags(CommandLine& app, ServeFlags& flags) {
  server::RequestLimits& limits = flags.app.limits;
  server::HttpLimits& http = flags.http.limits;
  add_int(app, "--max-connections", flags.http.n_connections_max, "more are refused: 503", 1,
          65536);
  add_int(app, "--queue", flags.app.models.host.n_queue_max,
          "answers that are made or wait; more are refused: 503", 1, 65536);
  add_int(app, "--max-body-bytes", flags.max_body_bytes, "larger ones are refused: 413", 1024,
          int64_t{1} << 32);
  add_int(app, "--max-blob-bytes", flags.max_blob_bytes, "larger ones are refused: 413", 1024,
          int64_t{1} << 50);
  add_int(app, "--max-header-bytes", flags.max_header_bytes, "larger ones are refused: 431", 1024,
          16 << 20);
  add_int(app, "--max-chat-bytes", flags.app.web.document_bytes_max,
          "of one chat that the web app saves: 413", 1024, int64_t{1} << 30);
  add_int(app, "--max-state-bytes", flags.app.web.state_bytes_max,
          "of all that the web app saves: 413", 1 << 20, int64_t{1} << 40);
  add_int(app, "--max-json-depth", limits.json_depth_max, "arrays in arrays of a body: 400", 1,
          1000);
  add_int(app, "--max-choices", limits.n_choices_max, "n of a request: 400", 1, 256);
  add_int(app, "--max-inputs", limits.n_inputs_max, "prompts of one request: 400", 1, 4096);
  add_int(app, "--max-predict", limits.n_predict_max, "tokens of an answer: it ends there", 1,
          INT32_MAX);
  add_int(app, "--max-template-steps", limits.template_steps_max, "of a chat template: 400", 1000,
          int64_t{1} << 40);
  add_number(app, "--header-timeout", http.header_timeout_s, "seconds for a header: 408", 0.1,
             3600);
  add_number(app, "--body-timeout", http.body_timeout_s, "seconds for a body: 408", 0.1, 36000);
  add_number(app, "--idle-timeout", http.idle_timeout_s, "seconds between requests", 0.1, 36000);
  add_number(app, "--write-timeout,--timeout,--to", http.write_timeout_s,
             "seconds without reading until a client counts as gone", 0.1, 36000);
  add_number(app, "--drain-timeout", flags.drain_timeout_s, "seconds for answers when ending", 0,
             36000);
}

}  // namespace

CommandBody command_serve(CommandLine& app) {
  auto flags = std::make_shared<ServeFlags>();
  app.add_option("[MODEL...]", flags->models,
                 "loaded at once; without one the bundled models come when asked for")
      ->type_name("");
  add_access_flags(app, *flags);
  add_model_options(app, *flags);
  add_llama_server_flags(app, flags->llama);
  add_tool_flags(app, flags->tools);
  add_limit_flags(app, *flags);
  examples(app, {{"quire serve", "the bundled model at http://127.0.0.1:8080"},
                 {"quire serve model.gguf --parallel 8", "eight answers at once"},
                 {"quire serve a.gguf b.gguf --ollama-port 11434", "for clients of Ollama, too"},
                 {"quire serve --host 0.0.0.0 --api-key-file keys", "for other machines"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
