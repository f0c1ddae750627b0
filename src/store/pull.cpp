#include "store/pull.h"

#include "format/json.h"
#include "format/printable.h"
#include "store/caches.h"
#include "store/registry_auth.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace quire {
namespace {

using nlohmann::json;

// A member that is a string; "" without one.
std::string text_of(const json& value, const char* key) {
  if (!value.is_object()) return "";
  const auto at = value.find(key);
  return at != value.end() && at->is_string() ? at->get<std::string>() : "";
}

class Pull {
 public:
  Pull(const Store& store, const ModelRef& ref, const PullOptions& options)
      : store_(store),
        ref_(ref),
        options_(options),
        auth_(ref, options.download.http, options.key_files, options.logins) {}

  Result<StoredModel> run() {
    say("pulling manifest", "", 0, 0);
    if (ref_.scheme == "http" && !options_.allow_http)
      return fail(Fault::usage, "{}: this registry has no TLS; --insecure allows it", ref_.text());
    Manifest manifest = TRY(ref_.is_hugging_face() ? hugging_face() : registry());
    std::vector<StoreLayer> parts = manifest.layers;
    if (!manifest.config.digest.empty()) parts.push_back(manifest.config);
    std::set<std::string> seen;
    for (const StoreLayer& part : parts)
      if (seen.insert(part.digest).second) TRY(fetch(part));
    say("writing manifest", "", 0, 0);
    TRY(store_.write(ref_, manifest));
    say("success", "", 0, 0);
    return store_.find(ref_);
  }

 private:
  void say(std::string_view status, std::string_view digest, uint64_t n, uint64_t total) const {
    if (options_.on_status) options_.on_status(status, digest, n, total);
  }

  Result<void> fetch(const StoreLayer& part) {
    DownloadOptions download = options_.download;
    const std::string status = "pulling " + part.digest.substr(7, 12);
    download.on_progress = [&](uint64_t n) { say(status, part.digest, n, part.size); };
    download.http = http();
    say(status, part.digest, 0, part.size);
    const std::string url =
        ref_.is_hugging_face() ? file_urls_[part.digest] : base() + "/blobs/" + part.digest;
    TRY(download_blob(store_, url, part, download));
    say(status, part.digest, part.size, part.size);
    return {};
  }

  // With the token that there is, or with a source of them.
  HttpOptions http() {
    HttpOptions http = options_.download.http;
    if (ref_.is_hugging_face())
      http.token = options_.hugging_face_token;
    else if (http.token.empty())
      http.tokens = &auth_;
    return http;
  }
  std::string base() const {
    return ref_.scheme + "://" + ref_.host + "/v2/" + ref_.name_space + "/" + ref_.model;
  }

  Result<std::string> get(const std::string& url, const HttpOptions& http) const {
    HttpAnswer answer = TRY(http_get(url, http));
    if (answer.status == 200) return std::move(answer.body);
    const std::string said = printable(answer.body, 120);
    if (answer.status == 404)
      return fail(Fault::not_found, "there is no model '{}' at {} (404)", ref_.text(), ref_.host);
    if (answer.status == 401 || answer.status == 403)
      return fail(Fault::not_found, "{} refuses '{}' ({}): it is not there, or needs a token{}",
                  ref_.host, ref_.text(), answer.status, auth_.advice());
    return fail(Fault::io, "{}: the server answers {}: {}", printable(url, 200), answer.status,
                said);
  }

  Result<Manifest> registry() {
    HttpOptions http = this->http();
    http.accept = "application/vnd.docker.distribution.manifest.v2+json";
    const std::string url = base() + "/manifests/" + (ref_.digest.empty() ? ref_.tag : ref_.digest);
    const std::string text = TRY(get(url, http));
    Manifest manifest = TRY(parse_manifest(text, printable(url, 200)));
    for (const StoreLayer& layer : manifest.layers)
      if (!layer.path.empty() || !layer.media_type.starts_with(layer_prefix))
        return fail(Fault::unsupported, "{}: the model has a part of the kind '{}'", ref_.text(),
                    printable(layer.media_type, 80));
    return manifest;
  }

  Result<Manifest> hugging_face() {
    const HttpOptions http = this->http();
    const std::string repo = ref_.name_space + "/" + ref_.model;
    const std::string url =
        options_.hugging_face + "/api/models/" + repo + "/tree/main?recursive=true";
    const std::string text = TRY(get(url, http));
    const json files = TRY(parse_json(text, url));
    if (!files.is_array()) return fail(Fault::bad_format, "{}: this is no list of files", url);
    const json* chosen = nullptr;
    std::string known;
    for (const std::string& wanted : wanted_tags()) {
      for (const json& file : files) {
        const std::string path = text_of(file, "path");
        const std::string& file_asked_for = options_.hugging_face_file;
        if (!file_asked_for.empty() && path == file_asked_for) chosen = &file;
        if (!file_asked_for.empty() || !path.ends_with(".gguf") ||
            path.find("mmproj") != path.npos || shard_name(path).number > 1)
          continue;
        const std::string quantization = quantization_in(path.substr(path.rfind('/') + 1));
        if (known.find(quantization) == known.npos)
          known += (known.empty() ? "" : ", ") + quantization;
        if (chosen == nullptr &&
            (wanted.empty() || same_letters(quantization, wanted) || same_letters(path, wanted)))
          chosen = &file;
      }
      if (chosen != nullptr) break;
    }
    if (chosen == nullptr) return chosen_not_found(repo, known);
    return with_siblings(files, text_of(*chosen, "path"), repo);
  }

  Result<Manifest> chosen_not_found(const std::string& repo, const std::string& known) const {
    if (!options_.hugging_face_file.empty())
      return fail(Fault::not_found, "hf.co/{} has no file '{}'", repo,
                  printable(options_.hugging_face_file, 100));
    return fail(Fault::not_found, "hf.co/{} has no GGUF file '{}'; it has: {}", repo, ref_.tag,
                known.empty() ? "none" : known);
  }

  // The tag, or for "latest" what is usually wanted.
  std::vector<std::string> wanted_tags() const {
    if (ref_.tag != "latest") return {ref_.tag};
    return {"Q4_K_M", "Q4_0", "Q8_0", ""};
  }

  static bool same_letters(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
  }

  // The file, with the others of its model when it is one of several.
  Result<Manifest> with_siblings(const json& files, const std::string& chosen,
                                 const std::string& repo) {
    Manifest manifest;
    for (const std::string& path : files_of_model(chosen)) {
      const json* found = nullptr;
      for (const json& file : files)
        if (text_of(file, "path") == path) found = &file;
      if (found == nullptr)
        return fail(Fault::not_found, "hf.co/{}: '{}' is one of several files, and '{}' is missing",
                    repo, printable(chosen, 80), printable(path, 80));
      manifest.layers.push_back(TRY(file_part(*found, repo)));
    }
    return manifest;
  }

  Result<StoreLayer> file_part(const json& file, const std::string& repo) {
    const std::string path = text_of(file, "path");
    const auto lfs = file.find("lfs");
    const std::string oid = lfs != file.end() ? text_of(*lfs, "oid") : std::string();
    StoreLayer layer;
    layer.media_type = std::string(layer_prefix) + "model";
    layer.digest = "sha256:" + oid;
    const auto size = file.find("size");
    if (!is_digest(layer.digest) || size == file.end() || !size->is_number_unsigned())
      return fail(Fault::bad_format, "hf.co/{}: '{}' comes without its size and SHA-256", repo,
                  printable(path, 80));
    layer.size = size->get<uint64_t>();
    file_urls_[layer.digest] =
        options_.hugging_face + "/" + repo + "/resolve/main/" + url_escape(path);
    return layer;
  }

  const Store& store_;
  const ModelRef& ref_;
  const PullOptions& options_;
  RegistryAuth auth_;
  std::map<std::string, std::string> file_urls_;  // by digest, at Hugging Face
};

}  // namespace

Result<StoredModel> pull_model(const Store& store, const ModelRef& ref,
                               const PullOptions& options) {
  return Pull(store, ref, options).run();
}

}  // namespace quire
