#include "store/docker_login.h"

#include "base/base64.h"
#include "base/file.h"
#include "format/json.h"
#include "format/printable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace quire {
namespace {

constexpr uint64_t file_bytes_max = 1 << 20;

// "https://index.docker.io/v1/" -> "index.docker.io", which is Docker's own by all its names.
std::string registry_name(std::string_view key) {
  if (const size_t at = key.find("://"); at != key.npos) key.remove_prefix(at + 3);
  std::string host(key.substr(0, key.find('/')));
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
  if (host == "docker.io" || host == "registry-1.docker.io") return "index.docker.io";
  return host;
}

std::string member_text(const nlohmann::json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

// Of one entry; nothing when a helper has its password.
Result<std::optional<std::string>> login_of(const nlohmann::json& entry, const std::string& path,
                                            const std::string& host) {
  const auto bad = [&](const char* what) {
    return fail(Fault::bad_format, "{}: the login for '{}' {}; docker login writes it anew", path,
                printable(host), what);
  };
  if (!entry.is_object()) return bad("is no object");
  if (!member_text(entry, "identitytoken").empty() || !member_text(entry, "registrytoken").empty())
    return fail(Fault::unsupported,
                "{}: the login for '{}' is a token (identitytoken), which is not supported; log in "
                "with a password, or put the registry's token into QUIRE_REGISTRY_TOKEN",
                path, printable(host));
  std::string name = member_text(entry, "username"), password = member_text(entry, "password");
  if (const std::string auth = member_text(entry, "auth"); !auth.empty()) {
    std::string both;
    if (!base64_decoded(auth, both)) return bad("is not base64");
    while (both.ends_with('\0')) both.pop_back();
    const size_t colon = both.find(':');
    if (colon == both.npos) return bad("has no colon between name and password");
    name = both.substr(0, colon);
    password = both.substr(colon + 1);
  }
  if (name.empty()) return std::optional<std::string>{};
  if (name.find(':') != name.npos) return bad("has a name with a colon");
  return std::optional("Basic " + base64_encoded(name + ":" + password));
}

}  // namespace

Result<std::optional<std::string>> docker_login(const std::string& path, const std::string& host) {
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return std::optional<std::string>{};
  const std::string text = TRY(read_file(path, file_bytes_max));
  const nlohmann::json file = TRY(parse_json(text, path));
  if (!file.is_object()) return fail(Fault::bad_format, "{}: it is JSON but no object", path);
  const auto auths = file.find("auths");
  if (auths == file.end() || !auths->is_object()) return std::optional<std::string>{};
  const std::string wanted = registry_name(host);
  for (const auto& [key, entry] : auths->items())
    if (registry_name(key) == wanted) return login_of(entry, path, host);
  return std::optional<std::string>{};
}

}  // namespace quire
