// Registries that want tokens: anonymous ones, and those for whom a key signs.
#include "store/registry_auth.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/sha256.h"
#include "store/docker_login.h"
#include "store/push.h"
#include "unit/base/temporary_folder.h"
#include "unit/store/test_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/stat.h>

namespace quire {
namespace {

using testing::HasSubstr;

// For this test only. Made by ssh-keygen -t ed25519 -N '' -C test, with the public line that it
// gives.
constexpr const char* openssh_key = R"(-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDUmCqpPE5l+1upCfa6loNiYC3CnHxt1kowoG2PFDPkXgAAAIhlu7aIZbu2
iAAAAAtzc2gtZWQyNTUxOQAAACDUmCqpPE5l+1upCfa6loNiYC3CnHxt1kowoG2PFDPkXg
AAAEB2M/TAH2idOlNC1twiqB93W/JjHGpy08f3ochEJ33V6tSYKqk8TmX7W6kJ9rqWg2Jg
LcKcfG3WSjCgbY8UM+ReAAAABHRlc3QB
-----END OPENSSH PRIVATE KEY-----
)";
constexpr const char* openssh_public =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINSYKqk8TmX7W6kJ9rqWg2JgLcKcfG3WSjCgbY8UM+Re";

// Of the wire's public key and a signature, both in base64.
bool is_signed(const std::string& key, const std::string& signature, const std::string& message) {
  std::string wire, bytes;
  if (!base64_decoded(key, wire) || !base64_decoded(signature, bytes) || wire.size() != 51)
    return false;
  const auto raw = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  EVP_PKEY* own = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(wire) + 19, 32);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool is_right =
      EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, own) == 1 &&
      EVP_DigestVerify(context, raw(bytes), bytes.size(), raw(message), message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(own);
  return is_right;
}

TEST(SigningKey, AFileOfOpenSshIsReadAndWrittenAgain) {
  const auto key = SigningKey::parse(openssh_key, "id_ed25519");
  ASSERT_TRUE(key.has_value()) << key.error().text;
  EXPECT_EQ(key->public_line(), openssh_public);
  const auto again = SigningKey::parse(key->file_text(), "again");
  ASSERT_TRUE(again.has_value()) << again.error().text;
  EXPECT_EQ(again->public_line(), openssh_public);
  const auto signature = key->sign("a message");
  ASSERT_TRUE(signature.has_value());
  EXPECT_TRUE(is_signed(key->public_base64(), base64_encoded(*signature), "a message"));
  EXPECT_FALSE(is_signed(key->public_base64(), base64_encoded(*signature), "another"));
}

TEST(SigningKey, DamagedFilesAndOtherKeysAreErrors) {
  const std::string text = openssh_key;
  for (size_t n = 0; n < text.size() - 34; n += 7)
    EXPECT_FALSE(SigningKey::parse(text.substr(0, n), "x").has_value()) << n;
  EXPECT_EQ(SigningKey::parse("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE "
                              "KEY-----\n",
                              "x")
                .error()
                .fault,
            Fault::bad_format);
  std::string bytes;
  const size_t begin = text.find('\n') + 1, end = text.find("\n-----END");
  std::string digits = text.substr(begin, end - begin);
  std::erase(digits, '\n');
  ASSERT_TRUE(base64_decoded(digits, bytes));
  bytes.replace(15 + 4, 4, "nine");  // the cipher
  EXPECT_EQ(SigningKey::parse("-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64_encoded(bytes) +
                                  "\n-----END OPENSSH PRIVATE KEY-----\n",
                              "x")
                .error()
                .fault,
            Fault::unsupported);
}

TEST(SigningKey, TheFirstFileIsUsedAndTheLastOneMadeForItsOwnerOnly) {
  const TemporaryFolder folder;
  const std::string first = folder / "ollama/id_ed25519", last = folder / "quire/id_ed25519";
  const auto made = load_signing_key({first, last});
  ASSERT_TRUE(made.has_value()) << made.error().text;
  struct stat status{};
  ASSERT_EQ(::stat(last.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(load_signing_key({first, last})->public_line(), made->public_line());
  ASSERT_TRUE(make_directories(folder / "ollama").has_value());
  ASSERT_TRUE(write_file(first, openssh_key).has_value());
  EXPECT_EQ(load_signing_key({first, last})->public_line(), openssh_public);
}

TEST(RegistryChallenge, HeadersAreReadAsTheStandardHasThem) {
  const auto parts = [](std::string_view header) {
    const auto challenge = parse_challenge(header, "host");
    if (!challenge) return std::string(fault_name(challenge.error().fault));
    std::string text = challenge->realm + " " + challenge->service;
    for (const std::string& scope : challenge->scopes) text += " " + scope;
    return text;
  };
  EXPECT_EQ(parts(R"(Bearer realm="https://h/t",service="s",scope="repository:a/b:pull,push")"),
            "https://h/t s repository:a/b:pull,push");
  EXPECT_EQ(parts(R"(bearer  scope="a b" , realm="https://h/t?x=\"1\"")"),
            "https://h/t?x=\"1\"  a b");
  EXPECT_EQ(parts(R"(Basic realm="x", Bearer realm="https://h/t", Other realm="y")"),
            "https://h/t ");
  // What stands in a value is not a name.
  EXPECT_EQ(parts(R"(Bearer realm="https://h/t?service=evil",service="s")"),
            "https://h/t?service=evil s");
  EXPECT_EQ(parts(R"(Basic realm="x")"), fault_name(Fault::unsupported));
  for (const char* header : {"Bearer", "Bearer realm=", "Bearer realm=\"\"", "Bearer service=x",
                             "Bearer realm=\"https://h/#x\""})
    EXPECT_EQ(parts(header), fault_name(Fault::bad_format)) << header;
}

// A registry for which every request needs a token.
class RegistryAuthTest : public testing::Test {
 protected:
  RegistryAuthTest() : store_(folder_ / "models") {
    realm_ = "http://" + server_.host() + "/token";
    server_.ask_first([this](const TestServer::Request& request) { return answer(request); });
    pull_.allow_http = push_.allow_http = true;
    pull_.key_files = push_.key_files = {folder_ / "id_ed25519"};
    EXPECT_TRUE(write_file(folder_ / "id_ed25519", openssh_key).has_value());
    manifest_.config = *store_.add_blob("application/vnd.docker.container.image.v1+json", "{}");
    manifest_.layers = {*store_.add_blob(std::string(layer_prefix) + "model", weights_)};
    EXPECT_TRUE(store_.write(ref(), manifest_).has_value());
  }
  TestServer::Answer answer(const TestServer::Request& request) {
    if (request.path.starts_with("/token")) return token(request);
    if (request.path.starts_with("/part/")) return {0, "", ""};
    if (request.authorization == "Bearer token-" + std::to_string(n_tokens_)) return {0, "", ""};
    TestServer::Answer refused{401, "", ""};
    refused.headers = "WWW-Authenticate: Bearer realm=\"" + realm_ +
                      "\",service=\"reg\",scope=\"repository:me/story:pull,push\"\r\n";
    return refused;
  }
  // To whom nothing is said, everybody gets one; else who has signed with the key.
  TestServer::Answer token(const TestServer::Request& request) {
    const std::string query = "scope=repository%3Ame%2Fstory%3Apull%2Cpush&service=reg";
    EXPECT_THAT(request.path, HasSubstr(query));
    if (needs_signature_) {
      const size_t colon = request.authorization.find(':');
      const std::string message = "GET,http://" + server_.host() + request.path +
                                  ",ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzR"
                                  "jYTQ5NTk5MWI3ODUyYjg1NQ==";
      if (colon == std::string::npos ||
          !is_signed(request.authorization.substr(0, colon),
                     request.authorization.substr(colon + 1), message))
        return {401, "who are you?", ""};
      EXPECT_THAT(request.path, HasSubstr("&ts=1"));
      EXPECT_THAT(request.path, HasSubstr("?nonce="));
    } else if (!request.authorization.empty()) {
      return {400, "what is that?", ""};
    }
    return {200, R"({"token":"token-)" + std::to_string(++n_tokens_) + R"("})", ""};
  }
  ModelRef ref() const { return *parse_model_ref("http://" + server_.host() + "/me/story"); }

  TemporaryFolder folder_;
  TestServer server_;
  Store store_;
  PullOptions pull_;
  PushOptions push_;
  Manifest manifest_;
  std::string weights_ = "GGUF and more";
  std::string realm_;
  std::atomic<bool> needs_signature_ = true;
  std::atomic<int> n_tokens_ = 0;
};

TEST_F(RegistryAuthTest, AKeySignsForPushAndPull) {
  const auto pushed = push_model(store_, ref(), push_);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;
  EXPECT_EQ(n_tokens_, 1);
  const Store other(folder_ / "other");
  const auto pulled = pull_model(other, ref(), pull_);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().text;
  EXPECT_EQ(*read_file(*other.model_path(*pulled)), weights_);
  EXPECT_EQ(n_tokens_, 2);
}

TEST_F(RegistryAuthTest, AnybodyGetsATokenWhereNobodyHasToSign) {
  needs_signature_ = false;
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  const Store other(folder_ / "other");
  pull_.key_files.clear();
  const auto pulled = pull_model(other, ref(), pull_);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().text;
  EXPECT_EQ(*read_file(*other.model_path(*pulled)), weights_);
}

TEST_F(RegistryAuthTest, ATokenThatIsTooOldIsMadeAgainInTheMiddle) {
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  const Store other(folder_ / "other");
  pull_.on_status = [&](std::string_view status, std::string_view digest, uint64_t n, uint64_t) {
    // Whoever has a token now is refused from here on.
    if (status.starts_with("pulling ") && !digest.empty() && n == 0) ++n_tokens_;
  };
  const auto pulled = pull_model(other, ref(), pull_);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().text;
  EXPECT_EQ(*read_file(*other.model_path(*pulled)), weights_);
}

TEST_F(RegistryAuthTest, AnUnknownKeyIsToldToItsUser) {
  push_.key_files = {folder_ / "new/id_ed25519"};
  server_.ask_first([this](const TestServer::Request& request) {
    return request.path.starts_with("/token") ? TestServer::Answer{401, "unknown key", ""}
                                              : answer(request);
  });
  const auto pushed = push_model(store_, ref(), push_);
  EXPECT_EQ(pushed.error().fault, Fault::usage);
  EXPECT_THAT(pushed.error().text, HasSubstr("unknown key"));
  EXPECT_THAT(pushed.error().text,
              HasSubstr(load_signing_key({folder_ / "new/id_ed25519"})->public_line()));
}

TEST_F(RegistryAuthTest, NothingIsSignedForAnotherHost) {
  needs_signature_ = false;
  realm_ = "http://localhost" + server_.host().substr(9) + "/token";  // another name
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  for (const auto& request : server_.requests())
    if (request.path.starts_with("/token")) {
      EXPECT_EQ(request.authorization, "") << request.path;
    }
}

TEST_F(RegistryAuthTest, RealmsThatAreNoAddressesAreErrors) {
  for (const char* realm : {"file:///etc/passwd", "token", "", "ftp://h/t", "http://"}) {
    realm_ = realm;
    EXPECT_EQ(push_model(store_, ref(), push_).error().fault, Fault::bad_format) << realm;
  }
  // A registry with TLS must not have its tokens without.
  RegistryAuth auth(*parse_model_ref("registry.example.com/me/story"), {}, {});
  const auto token = auth.renew("Bearer realm=\"http://" + server_.host() + "/token\"", "");
  EXPECT_EQ(token.error().fault, Fault::bad_format);
  EXPECT_THAT(token.error().text, HasSubstr("without TLS"));
}

TEST_F(RegistryAuthTest, AnswersWithoutATokenAreErrors) {
  for (const char* body :
       {"", "[]", "{}", R"({"token":3})", R"({"token":""})", R"({"token":"a\r\nHost: b"})"}) {
    server_.ask_first([&](const TestServer::Request& request) {
      return request.path.starts_with("/token") ? TestServer::Answer{200, body, ""}
                                                : answer(request);
    });
    EXPECT_EQ(push_model(store_, ref(), push_).error().fault, Fault::bad_format) << body;
  }
}

TEST(DockerLogin, KnowsRegistriesByTheirHosts) {
  const TemporaryFolder folder;
  const std::string path = folder / "config.json";
  ASSERT_TRUE(write_file(path, R"({"auths": {
      "https://index.docker.io/v1/": {"auth": "bWU6c2VjcmV0OnBhcnQ="},
      "Reg.example.com:5000": {"username": "you", "password": "word"},
      "helper.example.com": {}, "https://token.example.com": {"identitytoken": "x"},
      "bearer.example.com": {"registrytoken": "y"}, "e.example.com": {"registrytoken": "a\r\nb"},
      "a.example.com": {"auth": "%%%"}, "b.example.com": {"auth": "bWU="}, "c.example.com": 3,
      "d.example.com": {"username": "a:b", "password": "c"}}})")
                  .has_value());
  const auto login = [&](const char* host) {
    const auto found = docker_login({.file = path}, host);
    if (!found) return std::string(fault_name(found.error().fault));
    if (!*found) return std::string("none");
    return (*found)->basic + (*found)->identity_token + (*found)->bearer;
  };
  for (const char* host : {"docker.io", "registry-1.docker.io", "index.docker.io"})
    EXPECT_EQ(login(host), "Basic bWU6c2VjcmV0OnBhcnQ=");
  EXPECT_EQ(login("reg.example.com:5000"), "Basic " + base64_encoded("you:word"));
  for (const char* host : {"reg.example.com", "helper.example.com", "example.com"})
    EXPECT_EQ(login(host), "none") << host;
  EXPECT_EQ(login("token.example.com"), "x");
  EXPECT_EQ(login("bearer.example.com"), "y");
  for (const char* host :
       {"a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com"})
    EXPECT_EQ(login(host), fault_name(Fault::bad_format)) << host;
  EXPECT_FALSE(docker_login({.file = folder / "nothing"}, "x").value().has_value());
  for (const char* text : {"", "[]", "{", "\xff", R"({"auths": {"x": )"}) {
    ASSERT_TRUE(write_file(path, text).has_value());
    EXPECT_EQ(docker_login({.file = path}, "x").error().fault, Fault::bad_format) << text;
  }
  for (const char* text : {"{}", R"({"auths": []})"}) {
    ASSERT_TRUE(write_file(path, text).has_value());
    EXPECT_FALSE(docker_login({.file = path}, "x").value().has_value()) << text;
  }
}

// A helper that knows Docker's own registry and one other.
class CredentialHelperTest : public testing::Test {
 protected:
  CredentialHelperTest() {
    const std::string script = folder_ / "bin/docker-credential-known";
    EXPECT_TRUE(make_directories(folder_ / "bin").has_value());
    EXPECT_TRUE(write_file(script, R"(#!/bin/sh
[ "$1" = get ] || exit 9
read -r address
case "$address" in
https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"me","Secret":"secret"}' ;;
token.example.com) echo '{"Username":"<token>","Secret":"refresh"}' ;;
odd.example.com) echo '{"Username":"me"}' ;;
colon.example.com) echo '{"Username":"a:b","Secret":"c"}' ;;
locked.example.com) echo 'the keychain is locked'; exit 3 ;;
slow.example.com) sleep 60 ;;
endless.example.com) while :; do echo 0123456789012345678901234567890123456789; done ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
)")
                    .has_value());
    EXPECT_EQ(::chmod(script.c_str(), 0755), 0);
    logins_ = {.file = folder_ / "config.json", .programs = "/nowhere:" + (folder_ / "bin")};
    configure(R"({"auths": {"reg.example.com": {"auth": "bWU6c2VjcmV0"}, "known.example.com": {}},
        "credHelpers": {"other.example.com": "missing", "path.example.com": "../x"},
        "credsStore": "known"})");
  }
  void configure(const std::string& text) {
    EXPECT_TRUE(write_file(logins_.file, text).has_value());
  }
  std::string login(const char* host) {
    const auto found = docker_login(logins_, host);
    if (!found) return found.error().text;
    return *found ? (*found)->basic + (*found)->identity_token : "none";
  }

  TemporaryFolder folder_;
  DockerLogins logins_;
};

TEST_F(CredentialHelperTest, IsAskedForWhatTheFileHasNoPasswordFor) {
  EXPECT_EQ(login("docker.io"), "Basic bWU6c2VjcmV0");
  EXPECT_EQ(login("reg.example.com"), "Basic bWU6c2VjcmV0");
  EXPECT_EQ(login("token.example.com"), "refresh");
  EXPECT_EQ(login("known.example.com"), "none");
  configure(R"({"credHelpers": {"https://token.example.com/v2/": "known"}})");
  EXPECT_EQ(login("token.example.com"), "refresh");
  EXPECT_EQ(login("docker.io"), "none");
}

TEST_F(CredentialHelperTest, ThatFailsIsOneErrorWithItsName) {
  EXPECT_THAT(login("odd.example.com"),
              HasSubstr("docker-credential-known: its answer is no JSON"));
  EXPECT_THAT(login("colon.example.com"), HasSubstr("a colon"));
  EXPECT_THAT(login("locked.example.com"), HasSubstr("ends with 3: the keychain is locked"));
  EXPECT_THAT(login("other.example.com"), HasSubstr("'docker-credential-missing'"));
  EXPECT_THAT(login("path.example.com"), HasSubstr("'../x' is no name"));
  EXPECT_THAT(login("endless.example.com"), HasSubstr("no answer of at most 65536 bytes"));
  logins_.helper_timeout_s = 0.05;
  EXPECT_THAT(login("slow.example.com"), HasSubstr("within 0.05 s"));
  configure(R"({"credsStore": 3})");
  EXPECT_EQ(docker_login(logins_, "docker.io").error().fault, Fault::bad_format);
  configure(R"({"credsStore": ""})");
  EXPECT_EQ(login("docker.io"), "none");
}

// The registry knows "me" with the password "secret".
class RegistryLoginTest : public RegistryAuthTest {
 protected:
  RegistryLoginTest() {
    pull_.key_files.clear();
    push_.key_files.clear();
    pull_.logins.file = push_.logins.file = folder_ / "config.json";
    log_in("me:secret");
  }
  void log_in(const std::string& both) {
    const std::string text =
        R"({"auths": {")" + server_.host() + R"(": {"auth": ")" + base64_encoded(both) + R"("}}})";
    EXPECT_TRUE(write_file(folder_ / "config.json", text).has_value());
  }
  static constexpr const char* basic = "Basic bWU6c2VjcmV0";  // base64 of me:secret
  void want_passwords() {
    server_.ask_first([](const TestServer::Request& request) {
      if (request.authorization == basic) return TestServer::Answer{0, "", ""};
      TestServer::Answer refused{401, "who?", ""};
      refused.headers = "WWW-Authenticate: Basic realm=\"reg\"\r\n";
      return refused;
    });
  }
};

TEST_F(RegistryLoginTest, APasswordOpensARegistryThatAsksForIt) {
  want_passwords();
  const auto pushed = push_model(store_, ref(), push_);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;
  const Store other(folder_ / "other");
  const auto pulled = pull_model(other, ref(), pull_);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().text;
  EXPECT_EQ(*read_file(*other.model_path(*pulled)), weights_);
}

TEST_F(RegistryLoginTest, AWrongPasswordOrNoneIsSaidWithWhereItIsFrom) {
  want_passwords();
  log_in("me:wrong");
  const auto refused = push_model(store_, ref(), push_);
  EXPECT_EQ(refused.error().fault, Fault::usage);
  EXPECT_THAT(refused.error().text, HasSubstr("config.json"));
  const Store other(folder_ / "other");
  EXPECT_THAT(pull_model(other, ref(), pull_).error().text, HasSubstr("config.json"));
  pull_.logins.file.clear();
  const auto without = pull_model(other, ref(), pull_);
  EXPECT_EQ(without.error().fault, Fault::unsupported);
  EXPECT_THAT(without.error().text, HasSubstr("docker login"));
}

TEST_F(RegistryLoginTest, APasswordBuysATokenWhereTokensAreWanted) {
  server_.ask_first([this](const TestServer::Request& request) {
    if (!request.path.starts_with("/token")) return answer(request);
    if (request.authorization != basic) return TestServer::Answer{401, "who are you?", ""};
    return TestServer::Answer{200, R"({"token":"token-)" + std::to_string(++n_tokens_) + R"("})",
                              ""};
  });
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  for (const auto& request : server_.requests())
    if (!request.path.starts_with("/token")) {
      EXPECT_NE(request.authorization, basic);
    }
  log_in("me:wrong");
  EXPECT_THAT(push_model(store_, ref(), push_).error().text, HasSubstr("who are you?"));
}

TEST_F(RegistryLoginTest, AnIdentityTokenBuysATokenByAForm) {
  EXPECT_TRUE(write_file(folder_ / "config.json",
                         R"({"auths": {")" + server_.host() + R"(": {"identitytoken": "a+b/c="}}})")
                  .has_value());
  server_.ask_first([this](const TestServer::Request& request) {
    if (!request.path.starts_with("/token")) return answer(request);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.authorization, "");
    EXPECT_EQ(request.body,
              "grant_type=refresh_token&client_id=quire&service=reg&"
              "scope=repository%3Ame%2Fstory%3Apull%2Cpush&refresh_token=a%2Bb%2Fc%3D");
    return TestServer::Answer{
        200, R"({"access_token":"token-)" + std::to_string(++n_tokens_) + R"("})", ""};
  });
  const auto pushed = push_model(store_, ref(), push_);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;
}

TEST_F(RegistryLoginTest, NoPasswordGoesToAnotherHostWithoutTls) {
  realm_ = "http://localhost" + server_.host().substr(9) + "/token";
  const auto pushed = push_model(store_, ref(), push_);
  EXPECT_EQ(pushed.error().fault, Fault::bad_format);
  EXPECT_THAT(pushed.error().text, HasSubstr("no password"));
  for (const auto& request : server_.requests()) EXPECT_EQ(request.authorization, "");
}

// Parts of a push.
class UploadTest : public RegistryAuthTest {
 protected:
  UploadTest() {
    weights_.resize(1000, 'w');
    for (size_t i = 4; i < weights_.size(); ++i) weights_[i] = static_cast<char>(i * 7 + i / 251);
    manifest_.layers = {*store_.add_blob(std::string(layer_prefix) + "model", weights_)};
    EXPECT_TRUE(store_.write(ref(), manifest_).has_value());
    push_.part_bytes = 300;
  }
  std::string sent() { return server_.file("/v2/me/story/blobs/" + sha256_of(weights_)); }
  size_t n_asked(const std::string& method, const std::string& path) {
    size_t n = 0;
    for (const auto& request : server_.requests())
      n += request.method == method && request.path.starts_with(path) ? 1 : 0;
    return n;
  }
};

TEST_F(UploadTest, LargeBlobsGoInParts) {
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  EXPECT_EQ(sent(), weights_);
  EXPECT_EQ(n_asked("PATCH", "/put/v2/me/story/0"), 4u);
  EXPECT_TRUE(std::filesystem::is_empty(store_.root() + "/uploads"));
}

TEST_F(UploadTest, PartsMayGoToAnotherHostWhichSeesNoToken) {
  server_.send_parts_to("http://localhost" + server_.host().substr(9));
  const auto pushed = push_model(store_, ref(), push_);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;
  EXPECT_EQ(sent(), weights_);
  EXPECT_EQ(n_asked("PUT", "/part/v2/me/story/0"), 4u);
  std::string last;
  for (const auto& request : server_.requests()) {
    if (request.path.starts_with("/part/")) {
      EXPECT_EQ(request.authorization, "");
    }
    if (request.method == "PUT" && request.path.starts_with("/put/v2/me/story/0"))
      last = request.path;
  }
  // The MD5 of the parts' MD5s, by Python's hashlib.
  EXPECT_THAT(last, HasSubstr("&etag=dcec1440b20cb896327aac6e735b89d3-4"));
}

TEST_F(UploadTest, ABrokenConnectionGoesOnAtWhatHasArrived) {
  server_.break_patches(1);
  const auto pushed = push_model(store_, ref(), push_);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;
  EXPECT_EQ(sent(), weights_);
  EXPECT_EQ(n_asked("GET", "/put/v2/me/story/0"), 1u);
  EXPECT_EQ(n_asked("PATCH", "/put/v2/me/story/0"), 5u);
}

TEST_F(UploadTest, AnInterruptedPushGoesOnNextTime) {
  push_.n_tries = 1;
  server_.break_patches(1);
  EXPECT_EQ(push_model(store_, ref(), push_).error().fault, Fault::io);
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  EXPECT_EQ(sent(), weights_);
  EXPECT_EQ(n_asked("GET", "/put/v2/me/story/0"), 1u);
}

TEST_F(UploadTest, AnUploadThatTheRegistryHasForgottenBeginsAnew) {
  push_.n_tries = 1;
  server_.break_patches(1);
  EXPECT_EQ(push_model(store_, ref(), push_).error().fault, Fault::io);
  server_.forget_uploads();
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  EXPECT_EQ(sent(), weights_);
}

TEST_F(UploadTest, WhatAnotherRepositoryHasIsNotSentAgain) {
  ASSERT_TRUE(push_model(store_, ref(), push_).has_value());
  const ModelRef copy = *parse_model_ref("http://" + server_.host() + "/me/copy");
  ASSERT_TRUE(store_.copy(ref(), copy).has_value());
  const size_t n_before = n_asked("PATCH", "/");
  const auto pushed = push_model(store_, copy, push_);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;
  EXPECT_EQ(n_asked("PATCH", "/"), n_before);
  EXPECT_EQ(server_.file("/v2/me/copy/blobs/" + sha256_of(weights_)), weights_);
}

}  // namespace
}  // namespace quire
