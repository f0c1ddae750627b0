#include "store/docker_login.h"

#include "base/base64.h"
#include "base/file.h"
#include "format/json.h"
#include "format/printable.h"
#include "store/credential_helper.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace quire {
namespace {

constexpr uint64_t file_bytes_max = 1 << 20;
constexpr const char* docker_host = "index.docker.io";
constexpr const char* docker_address = "https://index.docker.io/v1/";

// "https://index.docker.io/v1/" -> "index.docker.io", which is Docker's own by all its names.
std::string registry_name(std::string_view key) {
  if (const size_t at = key.find("://"); at != key.npos) key.remove_prefix(at + 3);
  std::string host(key.substr(0, key.find('/')));
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
  if (host == "docker.io" || host == "registry-1.docker.io") return docker_host;
  return host;
}

std::string member_text(const nlohmann::json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

// The member for the registry of an object whose names are registries.
const nlohmann::json* member_of(const nlohmann::json& file, const char* name,
                                const std::string& registry) {
  const auto object = file.find(name);
  if (object == file.end() || !object->is_object()) return nullptr;
  for (const auto& [key, entry] : object->items())
    if (registry_name(key) == registry) return &entry;
  return nullptr;
}

// Of one entry of `auths`; nothing when it has no password.
Result<std::optional<RegistryLogin>> login_of(const nlohmann::json& entry, const std::string& path,
                                              const std::string& host) {
  const auto bad = [&](const char* what) {
    return fail(Fault::bad_format, "{}: the login for '{}' {}; docker login writes it anew", path,
                printable(host), what);
  };
  if (!entry.is_object()) return bad("is no object");
  RegistryLogin login;
  login.identity_token = member_text(entry, "identitytoken");
  if (!login.identity_token.empty()) return login;
  login.bearer = member_text(entry, "registrytoken");
  if (!std::ranges::all_of(login.bearer, [](char c) { return c > ' ' && c < 127; }))
    return bad("has a token with signs that no header may have");
  if (!login.bearer.empty()) return login;
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
  if (name.empty()) return std::optional<RegistryLogin>{};
  if (name.find(':') != name.npos) return bad("has a name with a colon");
  login.basic = "Basic " + base64_encoded(name + ":" + password);
  return login;
}

}  // namespace

Result<DockerEntry> parse_docker_logins(std::string_view text, const std::string& path,
                                        const std::string& host) {
  const nlohmann::json file = TRY(parse_json(text, path));
  if (!file.is_object()) return fail(Fault::bad_format, "{}: it is JSON but no object", path);
  const std::string registry = registry_name(host);
  DockerEntry result;
  result.asked_for = registry == docker_host ? docker_address : registry;
  const nlohmann::json* own = member_of(file, "credHelpers", registry);
  if (own == nullptr)
    if (const nlohmann::json* entry = member_of(file, "auths", registry))
      result.login = TRY(login_of(*entry, path, host));
  if (result.login) return result;
  const auto standard = file.find("credsStore");
  if (own == nullptr && standard != file.end()) own = &*standard;
  if (own == nullptr) return result;
  if (!own->is_string())
    return fail(Fault::bad_format, "{}: the helper for '{}' is no text", path, printable(host));
  result.helper = own->get<std::string>();
  return result;
}

Result<std::optional<RegistryLogin>> docker_login(const DockerLogins& logins,
                                                  const std::string& host) {
  std::error_code error;
  if (logins.file.empty() || !std::filesystem::exists(logins.file, error))
    return std::optional<RegistryLogin>{};
  const std::string text = TRY(read_file(logins.file, file_bytes_max));
  DockerEntry entry = TRY(parse_docker_logins(text, logins.file, host));
  if (entry.login || entry.helper.empty()) return std::move(entry.login);
  const auto credential = TRY(ask_credential_helper(entry.helper, entry.asked_for, logins.programs,
                                                    logins.helper_timeout_s));
  if (!credential) return std::optional<RegistryLogin>{};
  RegistryLogin login;
  if (credential->name == "<token>")
    login.identity_token = credential->secret;
  else
    login.basic = "Basic " + base64_encoded(credential->name + ":" + credential->secret);
  return login;
}

}  // namespace quire
