#include "store/push.h"

#include "format/printable.h"

#include <set>

namespace quire {
namespace {

class Push {
 public:
  Push(const Store& store, const ModelRef& ref, const PushOptions& options)
      : store_(store), ref_(ref), options_(options) {}

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
    TRY(expect(base() + "/manifests/" + ref_.tag, upload, {200, 201}));
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

  Result<HttpAnswer> expect(const std::string& url, const HttpUpload& upload,
                            std::initializer_list<long> wanted) const {
    HttpAnswer answer = TRY(http_send(url, options_.http, upload));
    for (const long status : wanted)
      if (answer.status == status) return answer;
    if (answer.status == 401 || answer.status == 403)
      return fail(Fault::usage,
                  "{} refuses '{}' ({}): give its token (QUIRE_REGISTRY_TOKEN) for an account that "
                  "may write there",
                  ref_.host, ref_.text(), answer.status);
    return fail(Fault::io, "{}: the registry answers {}: {}", printable(url, 200), answer.status,
                printable(answer.body, 120));
  }

  Result<void> send(const StoreLayer& layer) const {
    const std::string status = "pushing " + layer.digest.substr(7, 12);
    say(status, layer.digest, 0, layer.size);
    HttpUpload ask;
    ask.method = "HEAD";
    if (TRY(http_send(base() + "/blobs/" + layer.digest, options_.http, ask)).status != 200) {
      HttpUpload begin;
      begin.content_type = "application/octet-stream";
      const HttpAnswer place = TRY(expect(base() + "/blobs/uploads/", begin, {201, 202}));
      if (place.location.empty())
        return fail(Fault::io, "{}: the registry does not say where parts go", ref_.host);
      HttpUpload upload;
      upload.method = "PUT";
      upload.content_type = "application/octet-stream";
      upload.file = TRY(store_.layer_path(layer));
      upload.on_progress = [&](uint64_t n) { say(status, layer.digest, n, layer.size); };
      const char joint = place.location.find('?') == std::string::npos ? '?' : '&';
      TRY(expect(fmt::format("{}{}digest={}", place.location, joint, layer.digest), upload,
                 {200, 201, 204}));
    }
    say(status, layer.digest, layer.size, layer.size);
    return {};
  }

  const Store& store_;
  const ModelRef& ref_;
  const PushOptions& options_;
};

}  // namespace

Result<void> push_model(const Store& store, const ModelRef& ref, const PushOptions& options) {
  return Push(store, ref, options).run();
}

}  // namespace quire
