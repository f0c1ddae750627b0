#include "store/credential_helper.h"

#include "base/process.h"
#include "format/json.h"
#include "format/printable.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

namespace quire {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t answer_bytes_max = 64 << 10, address_bytes_max = 4096;

// False at the end of what there is to read.
bool read_some(int fd, std::string& text) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n > 0) text.append(buffer.data(), static_cast<size_t>(n));
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

// What a helper prints, to its end; nothing when it takes longer or prints too much. Its standard
// error is read and thrown away: what it has to say is on standard output.
std::optional<std::string> answer_of(const Child& child, Clock::time_point deadline) {
  std::string text, errors;
  bool may_err = true;
  while (text.size() <= answer_bytes_max) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    std::array<pollfd, 2> waits = {
        {{child.output(), POLLIN, 0}, {may_err ? child.errors() : -1, POLLIN, 0}}};
    if (::poll(waits.data(), 2, static_cast<int>(std::min<int64_t>(left.count(), 1000))) <= 0)
      continue;
    if (waits[1].revents != 0) may_err = read_some(child.errors(), errors);
    errors.clear();
    if (waits[0].revents != 0 && !read_some(child.output(), text)) return text;
  }
  return std::nullopt;
}

Result<std::string> find_program(const std::string& program, const std::string& folders) {
  for (size_t begin = 0; begin <= folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    std::string path = folders.substr(begin, end - begin) + "/" + program;
    if (end > begin && ::access(path.c_str(), X_OK) == 0) return path;
    begin = end + 1;
  }
  return fail(Fault::not_found,
              "the program '{}', which keeps passwords of registries for Docker, is not in PATH; "
              "QUIRE_REGISTRY_TOKEN can have a token",
              program);
}

}  // namespace

Result<Credential> parse_credential(std::string_view answer, const std::string& program) {
  const auto json = parse_json(answer, program);
  const auto text = [&](const char* name) {
    const auto at = json->find(name);
    return at != json->end() && at->is_string() ? at->get<std::string>() : "";
  };
  Credential credential;
  if (json.has_value() && json->is_object()) credential = {text("Username"), text("Secret")};
  // The answer may have a password in it: it is not shown.
  if (credential.name.empty() || credential.secret.empty())
    return fail(Fault::bad_format, "{}: its answer is no JSON object with Username and Secret",
                program);
  if (credential.name.find(':') != std::string::npos)
    return fail(Fault::bad_format, "{}: the name in its answer has a colon", program);
  return credential;
}

Result<std::optional<Credential>> ask_credential_helper(const std::string& helper,
                                                        const std::string& address,
                                                        const std::string& programs,
                                                        double timeout_s) {
  const bool plain = std::ranges::all_of(helper, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (helper.empty() || !plain)
    return fail(Fault::bad_format, "'{}' is no name of a credential helper: letters, digits, -_.",
                printable(helper));
  const std::string program = "docker-credential-" + helper;
  if (address.size() > address_bytes_max)
    return fail(Fault::limit, "{}: a registry's address of {} bytes, at most {} are asked for",
                program, address.size(), address_bytes_max);
  const std::string path = TRY(find_program(program, programs));
  Child child = TRY(Child::start({.command = {path, "get"}, .takes_input = true}));
  // It is shorter than what a socket holds, so it is there before anybody reads.
  std::ignore = ::send(child.input(), address.data(), address.size(), MSG_NOSIGNAL);
  child.close_input();
  const std::chrono::duration<double> timeout(timeout_s);
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(timeout);
  const auto answer = answer_of(child, deadline);
  const std::chrono::duration<double> left = deadline - Clock::now();
  if (!answer || !child.ends_within(std::max(0.0, left.count())))
    return fail(Fault::io, "{}: no answer of at most {} bytes within {:g} s", path,
                answer_bytes_max, timeout_s);
  const int code = child.finish();
  if (code == 0) return TRY(parse_credential(*answer, path));
  if (answer->find("credentials not found") != std::string::npos) return std::nullopt;
  std::string_view why = *answer;
  why = why.substr(0, why.find('\n'));
  return fail(Fault::io, "{}: it ends with {}: {}", path, code, printable(why, 200));
}

}  // namespace quire
