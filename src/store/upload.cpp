#include "store/upload.h"

#include "base/file.h"
#include "format/json.h"
#include "format/printable.h"

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

namespace quire {
namespace {

constexpr const char* octets = "application/octet-stream";

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string md5(std::span<const std::byte> bytes) {
  const std::unique_ptr<EVP_MD_CTX, DigestDeleter> context(EVP_MD_CTX_new());
  std::string sum(16, 0);
  // Where MD5 is switched off (FIPS), there is none: the parameter it is for is left out then.
  if (!context || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(sum.data()), nullptr) != 1)
    return "";
  return sum;
}

bool is_success(long status) { return status >= 200 && status < 300; }

// The N of "0-N" or "bytes=0-N", plus one.
std::optional<uint64_t> arrived_of(std::string_view range) {
  const size_t dash = range.rfind('-');
  if (dash == range.npos) return std::nullopt;
  uint64_t last = 0;
  const char* const end = range.data() + range.size();
  const auto [at, error] = std::from_chars(range.data() + dash + 1, end, last);
  if (error != std::errc() || at != end || last == UINT64_MAX) return std::nullopt;
  return last + 1;
}

class Upload {
 public:
  Upload(const std::string& repo, const StoreLayer& layer, const std::string& path,
         const std::string& state_path, const UploadOptions& options)
      : repo_(repo), layer_(layer), path_(path), state_path_(state_path), options_(options) {}

  Result<void> run() {
    if (!TRY(go_on()) && !TRY(begin(options_.mount_from))) return {};
    while (done_ < layer_.size) {
      TRY(part());
      TRY(save());
      if (options_.on_progress) options_.on_progress(done_);
    }
    HttpUpload last{.method = "PUT", .content_type = octets};
    const std::string tag = TRY(etag());
    const auto finished =
        expect(with(with(place_, "digest=" + layer_.digest), tag), last, "the end of an upload");
    std::error_code error;  // one that could not be finished begins anew next time
    if (finished || finished.error().fault != Fault::cancelled)
      std::filesystem::remove(state_path_, error);
    TRY(finished);
    return {};
  }

 private:
  static std::string with(const std::string& url, const std::string& parameter) {
    if (parameter.empty()) return url;
    return url + (url.find('?') == std::string::npos ? "?" : "&") + parameter;
  }

  Result<HttpAnswer> ask(const std::string& url, const HttpUpload& upload) const {
    return http_send(url, options_for(url, repo_, options_.http), upload);
  }
  std::unexpected<Error> refused(const HttpAnswer& answer, std::string_view what) const {
    const bool by_rights = answer.status == 401 || answer.status == 403;
    return fail(by_rights ? Fault::usage : Fault::io, "{}: the registry answers {} to {}: {}",
                printable(repo_, 200), answer.status, what, printable(answer.body, 120));
  }
  Result<HttpAnswer> expect(const std::string& url, const HttpUpload& upload,
                            std::string_view what) const {
    HttpAnswer answer = TRY(ask(url, upload));
    if (!is_success(answer.status)) return refused(answer, what);
    return answer;
  }

  // False: the registry has the blob now.
  Result<bool> begin(const std::string& mount_from = "") {
    std::string url = repo_ + "/blobs/uploads/";
    if (!mount_from.empty()) url += "?mount=" + layer_.digest + "&from=" + url_escape(mount_from);
    const HttpAnswer answer =
        TRY(expect(url, {.method = "POST", .content_type = octets}, "the begin of an upload"));
    if (answer.status == 201 && !mount_from.empty()) return false;
    TRY(move_on(answer));
    done_ = 0;
    // The least that a part may have, its last one aside.
    const std::string least = answer.header("oci-chunk-min-length");
    uint64_t n = 0;
    std::from_chars(least.data(), least.data() + least.size(), n);
    part_bytes_ = std::max(options_.part_bytes, n);
    TRY(save());
    return true;
  }

  // Whether an earlier run has begun, and the registry still knows of it.
  Result<bool> go_on() {
    part_bytes_ = options_.part_bytes;
    if (!file_exists(state_path_)) return false;
    const auto state = read_json(state_path_);
    if (!state || !state->is_object()) return false;
    const auto place = state->find("place");
    const auto size = state->find("part_bytes");
    if (place == state->end() || !place->is_string() || size == state->end() ||
        !size->is_number_unsigned() || *size == 0)
      return false;
    place_ = place->get<std::string>();
    part_bytes_ = size->get<uint64_t>();
    return TRY(where()) == Upload::Known::here;
  }

  // Asks how much has arrived. Not every registry says.
  enum class Known : uint8_t { here, gone, silent };
  Result<Known> where() {
    const auto answer = ask(place_, {.method = "GET"});
    if (!answer && answer.error().fault == Fault::cancelled) return std::unexpected(answer.error());
    if (answer && answer->status == 404) return Known::gone;
    if (!answer || answer->status != 204) return Known::silent;
    const auto arrived = arrived_of(answer->header("range"));
    if (!arrived || *arrived > layer_.size) return Known::silent;
    if (!answer->location.empty()) place_ = answer->location;
    // "0-0" is said of nothing, and of a single byte.
    done_ = *arrived == 1 ? 0 : *arrived;
    return Known::here;
  }

  Result<void> save() const {
    const nlohmann::json state = {{"place", place_}, {"part_bytes", part_bytes_}};
    TRY(make_directories(state_path_.substr(0, state_path_.rfind('/'))));
    return write_file(state_path_, state.dump());
  }

  Result<void> move_on(const HttpAnswer& answer) {
    const std::string& next =
        answer.upload_location.empty() ? answer.location : answer.upload_location;
    if (next.empty())
      return fail(Fault::io, "{}: the registry does not say where parts go", printable(repo_, 200));
    place_ = next;
    return {};
  }

  Result<void> part() {
    for (int n = 1;; ++n) {
      auto sent = send_part();
      if (sent || sent.error().fault != Fault::io || n >= options_.n_tries) return sent;
      if (n > 1) std::this_thread::sleep_for(std::chrono::seconds(1 << std::min(n - 2, 4)));
      // Of what was sent, something may have arrived.
      if (TRY(where()) == Known::gone) TRY(begin());
    }
  }

  Result<void> send_part() {
    const uint64_t n = std::min(part_bytes_ - done_ % part_bytes_, layer_.size - done_);
    HttpUpload upload{.method = "PATCH", .content_type = octets, .file = path_};
    upload.begin = done_;
    upload.n_bytes = n;
    upload.headers = {fmt::format("Content-Range: {}-{}", done_, done_ + n - 1),
                      "X-Redirect-Uploads: 1"};
    if (options_.on_progress)
      upload.on_progress = [&](uint64_t sent) { options_.on_progress(done_ + sent); };
    const HttpAnswer answer = TRY(ask(place_, upload));
    if (answer.status == 307) {
      if (answer.location.empty()) return refused(answer, "a part");
      upload.method = "PUT";
      upload.headers.clear();
      TRY(expect(answer.location, upload, "a part at another address"));
      if (answer.upload_location.empty()) return refused(answer, "a part");
    } else if (!is_success(answer.status)) {
      return refused(answer, "a part");
    }
    TRY(move_on(answer));
    done_ += n;
    return {};
  }

  // What Ollama's registry compares the parts by: the MD5 of their MD5s, and their number.
  Result<std::string> etag() const {
    const MappedFile file = TRY(MappedFile::open(path_));
    const auto bytes = file.bytes();
    std::string sums;
    size_t n_parts = 0;
    for (uint64_t at = 0; at < bytes.size(); at += part_bytes_, ++n_parts)
      sums += md5(bytes.subspan(at, std::min<uint64_t>(part_bytes_, bytes.size() - at)));
    const std::string sum = md5(std::as_bytes(std::span(sums)));
    if (sum.empty() || n_parts == 0) return std::string();
    std::string text = "etag=";
    for (const char c : sum) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text + fmt::format("-{}", n_parts);
  }

  const std::string& repo_;
  const StoreLayer& layer_;
  const std::string& path_;
  const std::string& state_path_;
  const UploadOptions& options_;
  std::string place_;
  uint64_t part_bytes_ = 0, done_ = 0;
};

}  // namespace

Result<void> upload_blob(const std::string& repo, const StoreLayer& layer, const std::string& path,
                         const std::string& state_path, const UploadOptions& options) {
  std::error_code error;
  if (const uint64_t n = std::filesystem::file_size(path, error); error || n != layer.size)
    return fail(Fault::bad_format, "{}: this part of the model has another size than {} bytes",
                path, layer.size);
  return Upload(repo, layer, path, state_path, options).run();
}

}  // namespace quire
