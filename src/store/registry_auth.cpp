#include "store/registry_auth.h"

#include "base/base64.h"
#include "base/sha256.h"
#include "format/json.h"
#include "format/printable.h"

#include <openssl/rand.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <map>

namespace quire {
namespace {

constexpr size_t token_bytes_max = 64 << 10;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

// WWW-Authenticate: schemes, each with its parameters (RFC 9110, section 11.6.1).
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  // The parameters of the first challenge of that scheme.
  std::optional<std::map<std::string, std::string>> of(std::string_view scheme) {
    std::optional<std::map<std::string, std::string>> found;
    while (true) {
      const std::string name = lower(word());
      if (name.empty()) return found;
      if (take('=')) {
        std::string value = this->value();
        if (found) found->emplace(name, std::move(value));
      } else {
        if (found) return found;
        if (name == scheme) found.emplace();
      }
    }
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == ','; }
  std::string_view word() {
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
    size_t n = 0;
    while (n < rest_.size() && !is_blank(rest_[n]) && rest_[n] != '=' && rest_[n] != '"') ++n;
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string value() {
    if (!take('"')) return std::string(word());
    std::string text;
    while (!rest_.empty() && !take('"')) {
      if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      text += rest_[0];
      rest_.remove_prefix(1);
    }
    return text;
  }

  std::string_view rest_;
};

// As browsers send forms: letters, digits, "-_.~", a '+' for a blank, %XX for the rest.
std::string query_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// The realm's address with these in its query, by their names.
std::string with_query(const std::string& realm,
                       const std::vector<std::pair<std::string, std::string>>& more) {
  const size_t mark = realm.find('?');
  std::vector<std::string> parts;
  for (std::string_view rest = mark == realm.npos ? std::string_view()
                                                  : std::string_view(realm).substr(mark + 1);
       !rest.empty();) {
    const size_t end = std::min(rest.find('&'), rest.size());
    parts.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const auto& [name, value] : more) parts.push_back(name + "=" + query_escape(value));
  std::ranges::stable_sort(parts, {},
                           [](const std::string& part) { return part.substr(0, part.find('=')); });
  std::string url = realm.substr(0, mark);
  for (size_t i = 0; i < parts.size(); ++i) url += (i == 0 ? "?" : "&") + parts[i];
  return url;
}

std::vector<std::pair<std::string, std::string>> asked_for(const RegistryChallenge& challenge) {
  std::vector<std::pair<std::string, std::string>> query;
  if (!challenge.service.empty()) query.emplace_back("service", challenge.service);
  for (const std::string& scope : challenge.scopes) query.emplace_back("scope", scope);
  return query;
}

// Of the requests for a token itself.
HttpOptions options_for_tokens(HttpOptions http, const std::string& authorization) {
  http.tokens = nullptr;
  http.token.clear();
  http.accept = "application/json";
  http.authorization = authorization;
  return http;
}

Result<std::string> make_nonce() {
  std::string bytes(16, 0);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), 16) != 1)
    return fail(Fault::io, "there are no random numbers for a registry's token");
  std::string text = base64_encoded(bytes);  // of an address: other signs, none at the end
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

}  // namespace

bool wants_basic(std::string_view header) { return HeaderReader(header).of("basic").has_value(); }

Result<RegistryChallenge> parse_challenge(std::string_view header, std::string_view host) {
  const auto parameters = HeaderReader(header).of("bearer");
  if (!parameters)
    return fail(
        Fault::unsupported,
        "{}: the registry wants '{}' and no token; docker login keeps a name and a password "
        "for it, QUIRE_REGISTRY_TOKEN can have a token",
        host, printable(header, 100));
  const auto value = [&](const char* name) {
    const auto at = parameters->find(name);
    return at == parameters->end() ? std::string() : at->second;
  };
  RegistryChallenge challenge{value("realm"), value("service"), {}};
  if (challenge.realm.empty() || challenge.realm.find('#') != std::string::npos)
    return fail(Fault::bad_format, "{}: the registry does not say where its tokens are: '{}'", host,
                printable(header, 100));
  const std::string scope = value("scope");
  for (size_t begin = 0; begin < scope.size();) {
    const size_t end = std::min(scope.find(' ', begin), scope.size());
    if (end > begin) challenge.scopes.push_back(scope.substr(begin, end - begin));
    begin = end + 1;
  }
  return challenge;
}

std::string RegistryAuth::authorization() {
  const std::lock_guard lock(mutex_);
  return authorization_;
}

Result<std::string> RegistryAuth::renew(const std::string& challenge, const std::string& refused) {
  const std::lock_guard lock(mutex_);
  if (!authorization_.empty() && authorization_ != refused) return authorization_;  // is quite new
  const auto login = TRY(docker_login(logins_, registry_.host));
  const auto wanted = parse_challenge(challenge, registry_.host);
  used_login_ = login.has_value();
  if (login && !login->bearer.empty())
    authorization_ = "Bearer " + login->bearer;
  else if (wanted)
    authorization_ = "Bearer " + TRY(login ? ask_with_login(*wanted, *login) : ask(*wanted));
  else if (login && !login->basic.empty() && wants_basic(challenge) &&
           wanted.error().fault == Fault::unsupported)
    authorization_ = login->basic;
  else
    return std::unexpected(wanted.error());
  return authorization_;
}

bool RegistryAuth::may_sign(const std::string& realm) const {
  const auto origin = url_origin(realm),
             own = url_origin(registry_.scheme + "://" + registry_.host);
  if (keys_.empty() || !origin || !own) return false;
  return *origin == *own ||
         (*own == "https://registry.ollama.ai:443" && *origin == "https://ollama.com:443");
}

namespace {

// No token is asked for without TLS where the registry has it.
Result<std::string> origin_of_realm(const RegistryChallenge& challenge, const ModelRef& registry) {
  std::string origin = TRY(url_origin(challenge.realm));
  if (registry.scheme == "https" && !origin.starts_with("https:"))
    return fail(Fault::bad_format,
                "{}: the registry's tokens are at '{}', without TLS: it is not asked",
                registry.host, printable(challenge.realm, 100));
  return origin;
}

}  // namespace

// What a login has goes to where the registry says that its tokens are, without TLS to itself only.
Result<std::string> RegistryAuth::ask_with_login(const RegistryChallenge& challenge,
                                                 const RegistryLogin& login) {
  const std::string origin = TRY(origin_of_realm(challenge, registry_));
  const std::string own = TRY(url_origin(registry_.scheme + "://" + registry_.host));
  if (origin != own && !origin.starts_with("https:"))
    return fail(Fault::bad_format,
                "{}: the registry's tokens are at '{}', another host without TLS: it gets no "
                "password",
                registry_.host, printable(challenge.realm, 100));
  if (!login.identity_token.empty()) return ask_with_identity(challenge, login.identity_token);
  return get_token(with_query(challenge.realm, asked_for(challenge)), login.basic);
}

// RFC 6749, section 6, as the Distribution project documents it for registries.
Result<std::string> RegistryAuth::ask_with_identity(const RegistryChallenge& challenge,
                                                    const std::string& identity_token) {
  std::string scopes;
  for (const std::string& scope : challenge.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  HttpUpload form;
  form.content_type = "application/x-www-form-urlencoded";
  form.body = fmt::format(
      "grant_type=refresh_token&client_id=quire&service={}&scope={}&refresh_token={}",
      query_escape(challenge.service), query_escape(scopes), query_escape(identity_token));
  return token_in(TRY(http_send(challenge.realm, options_for_tokens(http_, ""), form)));
}

Result<std::string> RegistryAuth::ask(const RegistryChallenge& challenge) {
  TRY(origin_of_realm(challenge, registry_));
  if (may_sign(challenge.realm)) {
    auto token = ask_signed(challenge);
    if (token || token.error().fault != Fault::usage) return token;  // else the key is not known
  }
  return get_token(with_query(challenge.realm, asked_for(challenge)), "");
}

Result<std::string> RegistryAuth::ask_signed(const RegistryChallenge& challenge) {
  if (!key_) key_ = TRY(load_signing_key(keys_));
  auto query = asked_for(challenge);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  query.emplace_back("ts",
                     std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()));
  query.emplace_back("nonce", TRY(make_nonce()));
  const std::string url = with_query(challenge.realm, query);
  const std::string of_nothing = base64_encoded(sha256_of("").substr(7));
  const std::string signature = TRY(key_->sign("GET," + url + "," + of_nothing));
  return get_token(url, key_->public_base64() + ":" + base64_encoded(signature));
}

Result<std::string> RegistryAuth::get_token(const std::string& url,
                                            const std::string& authorization) {
  return token_in(TRY(http_get(url, options_for_tokens(http_, authorization), token_bytes_max)));
}

Result<std::string> RegistryAuth::token_in(const HttpAnswer& answer) const {
  if (answer.status >= 400 && answer.status < 500)
    return fail(Fault::usage, "{} gives no token for '{}' ({}): {}", registry_.host,
                registry_.text(), answer.status, printable(answer.body, 120));
  if (answer.status != 200)
    return fail(Fault::io, "{}: the registry's tokens: the server answers {}: {}", registry_.host,
                answer.status, printable(answer.body, 120));
  const nlohmann::json document = TRY(parse_json(answer.body, "the token of " + registry_.host));
  for (const char* name : {"token", "access_token"}) {
    if (!document.is_object() || !document.contains(name) || !document[name].is_string()) continue;
    std::string token = document[name].get<std::string>();
    const bool sound = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; });
    if (sound && !token.empty()) return token;
  }
  return fail(Fault::bad_format, "{}: the registry's answer has no token in it", registry_.host);
}

std::string RegistryAuth::advice() const {
  const std::lock_guard lock(mutex_);
  if (used_login_)
    return fmt::format("; who it knows one as is from '{}'", printable(logins_.file, 200));
  if (!key_) return "";
  return fmt::format("; this machine is known there by the key '{}', which the account must have",
                     key_->public_line());
}

}  // namespace quire
