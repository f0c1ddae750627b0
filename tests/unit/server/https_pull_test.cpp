// Models over HTTPS, from a registry in this process with a certificate of its own making.
#include "base/sha256.h"
#include "server/http_server.h"
#include "store/contents.h"
#include "store/pull.h"
#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <charconv>
#include <csignal>
#include <map>
#include <memory>

namespace quire::server {
namespace {

// Writes a key and a certificate for 127.0.0.1 that it has signed itself.
void make_certificate(const std::string& key_path, const std::string& certificate_path) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(made.get(), names, -1);
  X509_EXTENSION_free(names);
  X509_sign(made.get(), key.get(), EVP_sha256());
  const auto write = [](const std::string& path, const auto& put) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(put(file.get()), 1);
  };
  write(key_path, [&](FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  write(certificate_path, [&](FILE* file) { return PEM_write_X509(file, made.get()); });
}

// Files by path, whole or a range of them.
class Files : public HttpHandler {
 public:
  std::map<std::string, std::string> files;

  bool admit(Exchange&) override { return true; }
  void handle(Exchange& exchange) override {
    const auto found = files.find(exchange.request().path);
    if (found == files.end()) return exchange.send({404, "text/plain", "not here", {}});
    const std::string_view range = exchange.request().header_or("range", "");
    if (!range.starts_with("bytes=")) return exchange.send({200, "text/plain", found->second, {}});
    size_t begin = 0, last = 0;
    const char* end = range.data() + range.size();
    const char* dash = std::from_chars(range.data() + 6, end, begin).ptr;
    std::from_chars(dash + 1, end, last);
    exchange.send({206, "text/plain", found->second.substr(begin, last + 1 - begin), {}});
  }
  void refuse(Exchange& exchange, const ReadError& error) override {
    exchange.send({error.status, "text/plain", error.text, {}});
  }
  void done(const Exchange&, double) override {}
};

TEST(HttpsPull, CertificatesAreCheckedAndOwnOnesCanBeTrusted) {
  std::signal(SIGPIPE, SIG_IGN);  // as `quire serve` does: a client may leave in a handshake
  const TemporaryFolder folder;
  make_certificate(folder / "key.pem", folder / "cert.pem");
  Files registry;
  HttpServerOptions options;
  options.addresses = {{"127.0.0.1", 0}};
  options.tls_certificate = folder / "cert.pem";
  options.tls_key = folder / "key.pem";
  const auto server = HttpServer::start(options, registry);
  ASSERT_TRUE(server.has_value()) << server.error().text;

  std::string weights = "GGUF";
  for (int i = 0; i < 20'000; ++i) weights += static_cast<char>(i * 31 + i / 256);
  Manifest manifest;
  manifest.layers = {{std::string(layer_prefix) + "model", sha256_of(weights), weights.size(), ""}};
  registry.files["/v2/me/story/manifests/latest"] = manifest_text(manifest);
  registry.files["/v2/me/story/blobs/" + sha256_of(weights)] = weights;

  const Store store(folder / "models");
  const std::string name = "127.0.0.1:" + std::to_string((*server)->ports()[0]) + "/me/story";
  PullOptions pull;
  pull.download.part_bytes = 3'000;
  const auto stranger = pull_model(store, *parse_model_ref(name), pull);
  ASSERT_FALSE(stranger.has_value());
  EXPECT_EQ(stranger.error().fault, Fault::io);
  EXPECT_THAT(stranger.error().text, testing::HasSubstr("certificate"));
  EXPECT_TRUE(store.list().empty());

  pull.download.http.ca_file = folder / "cert.pem";
  const auto model = pull_model(store, *parse_model_ref(name), pull);
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*sha256_of_file(*store.model_path(*model)), sha256_of(weights));
}

}  // namespace
}  // namespace quire::server
