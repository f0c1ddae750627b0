#include "store/push.h"

#include "base/sha256.h"
#include "format/printable.h"
#include "store/registry_auth.h"
#include "store/upload.h"

#include <algorithm>
#include <set>

namespace quire {
namespace {

class Push {
 public:
  Push(const Store& store, const ModelRef& ref, const PushOptions& options)
      : store_(store),
        ref_(ref),
        options_(options),
        auth_(ref, options.http, options.key_files, options.logins),
        http_(options.http) {
    if (http_.token.empty()) http_.tokens = &auth_;
  }

  Result<void> run() {
    if (ref_.is_hugging_face())
      return fail(Fault::usage,
                  "{}: Hugging Face takes no pushes of models by name; upload the file there",
                  ref_.text());
    if (ref_.scheme == "http" && !options_.allow_http)
      return fail(Fault::usage, "{}: this registry has no TLS; --insecure allows it", ref_.text());
    const StoredModel model = TRY(store_.find(ref_));
    say("retrieving manifest", "", 0, 0);
    // Where a part lies on this machine is nobody else's business.
    Manifest manifest = model.manifest;
    for (StoreLayer& layer : manifest.layers) layer.path.clear();
    std::set<std::string> seen;
    for (const StoreLayer& layer : model.manifest.layers)
      if (seen.insert(layer.digest).second) TRY(send(layer));
    if (!model.manifest.config.digest.empty()) TRY(send(model.manifest.config));
    say("pushing manifest", "", 0, 0);
    HttpUpload upload;
    upload.method = "PUT";
    upload.content_type = "application/vnd.docker.distribution.manifest.v2+json";
    upload.body = manifest_text(manifest);
    const HttpAnswer answer =
        TRY(with_advice(http_send(base() + "/manifests/" + ref_.tag, http_, upload)));
    if (answer.status != 200 && answer.status != 201) return refused(answer);
    say("success", "", 0, 0);
    return {};
  }

 private:
  void say(std::string_view status, std::string_view digest, uint64_t n, uint64_t total) const {
    if (options_.on_status) options_.on_status(status, digest, n, total);
  }
  std::string base() const {
    return ref_.scheme + "://" + ref_.host + "/v2/" + ref_.name_space + "/" + ref_.model;
  }

  // An error that is about rights says how to get them.
  template <class T>
  Result<T> with_advice(Result<T> result) const {
    if (result || result.error().fault != Fault::usage) return result;
    Error error = std::move(result).error();
    const std::string advice = auth_.advice();
    error.text += advice.empty()
                      ? "; give the token (QUIRE_REGISTRY_TOKEN) of an account that may write there"
                      : advice;
    return std::unexpected(std::move(error));
  }
  Result<void> refused(const HttpAnswer& answer) const {
    const bool by_rights = answer.status == 401 || answer.status == 403;
    return with_advice<void>(fail(by_rights ? Fault::usage : Fault::io, "{} refuses '{}' ({}): {}",
                                  ref_.host, ref_.text(), answer.status,
                                  printable(answer.body, 120)));
  }

  Result<void> send(const StoreLayer& layer) const {
    const std::string status = "pushing " + layer.digest.substr(7, 12);
    say(status, layer.digest, 0, layer.size);
    HttpUpload ask;
    ask.method = "HEAD";
    const HttpAnswer there =
        TRY(with_advice(http_send(base() + "/blobs/" + layer.digest, http_, ask)));
    if (there.status != 200) {
      UploadOptions upload;
      upload.http = http_;
      upload.part_bytes = options_.part_bytes;
      upload.n_tries = options_.n_tries;
      upload.mount_from = other_repo_with(layer);
      upload.on_progress = [&](uint64_t n) { say(status, layer.digest, n, layer.size); };
      const std::string path = TRY(store_.layer_path(layer));
      TRY(with_advice(upload_blob(base(), layer, path, state_path(layer), upload)));
    }
    say(status, layer.digest, layer.size, layer.size);
    return {};
  }

  // Another model of the same registry with this part: there it can be taken from.
  std::string other_repo_with(const StoreLayer& layer) const {
    for (const StoredModel& other : store_.list()) {
      const ModelRef& ref = other.ref;
      const bool same = ref.name_space == ref_.name_space && ref.model == ref_.model;
      if (ref.host != ref_.host || same) continue;
      const auto has = [&](const StoreLayer& part) { return part.digest == layer.digest; };
      if (has(other.manifest.config) || std::ranges::any_of(other.manifest.layers, has))
        return ref.name_space + "/" + ref.model;
    }
    return "";
  }
  std::string state_path(const StoreLayer& layer) const {
    return store_.root() + "/uploads/" + sha256_of(base() + " " + layer.digest).substr(7);
  }

  const Store& store_;
  const ModelRef& ref_;
  const PushOptions& options_;
  RegistryAuth auth_;
  HttpOptions http_;
};

}  // namespace

Result<void> push_model(const Store& store, const ModelRef& ref, const PushOptions& options) {
  return Push(store, ref, options).run();
}

}  // namespace quire
