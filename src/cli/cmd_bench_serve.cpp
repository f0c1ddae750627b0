// quire bench-serve: load on a server, and how long its clients wait.
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/output_file.h"
#include "server/load.h"
#include "train/plot.h"

#include <charconv>

namespace quire {
namespace {

using server::LoadOptions;
using server::LoadResult;
using server::Percentiles;
using server::RequestSample;

struct BenchServeFlags {
  LoadOptions load;
  std::string url = "http://127.0.0.1:8080", svg;
  bool json = false, force = false;
};

// "http://host:port" or "host:port"
Result<void> read_url(std::string_view url, LoadOptions& load) {
  std::string_view rest = url;
  if (rest.starts_with("https://"))
    return fail(Fault::unsupported, "{}: load goes over plain HTTP: give an http:// address", url);
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  rest = rest.substr(0, rest.find('/'));
  const size_t colon = rest.rfind(':');
  load.host = std::string(rest.substr(0, colon));
  load.port = 80;
  if (colon != rest.npos) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), load.port);
    if (code != std::errc{} || end != port.data() + port.size() || load.port < 1 ||
        load.port > 65535)
      return fail(Fault::usage, "{}: '{}' is no port, 1 to 65535", url, port);
  }
  if (load.host.empty()) return fail(Fault::usage, "'{}' names no host", url);
  return {};
}

std::vector<double> collect(const LoadResult& result, double RequestSample::* what) {
  std::vector<double> values;
  for (const RequestSample& sample : result.samples)
    if (sample.error.empty()) values.push_back(sample.*what);
  return values;
}

std::vector<double> all_gaps(const LoadResult& result) {
  std::vector<double> values;
  for (const RequestSample& sample : result.samples)
    if (sample.error.empty())
      values.insert(values.end(), sample.gaps_s.begin(), sample.gaps_s.end());
  return values;
}

nlohmann::json as_json(const Percentiles& p) {
  return {{"mean", p.mean}, {"p50", p.p50}, {"p90", p.p90}, {"p99", p.p99}, {"max", p.most}};
}

void print_row(const char* name, const Percentiles& p) {
  fmt::print("{:<14} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", name, p.mean * 1e3,
             p.p50 * 1e3, p.p90 * 1e3, p.p99 * 1e3, p.most * 1e3);
}

std::string drawn(const LoadResult& result) {
  Plot plot;
  plot.title = "waiting times over the run";
  plot.x.label = "start of the request, s";
  plot.y.label = "s";
  Series first{"first token", {}, SeriesStyle::points},
      total{"whole answer", {}, SeriesStyle::points};
  for (const RequestSample& sample : result.samples) {
    if (!sample.error.empty()) continue;
    first.points.emplace_back(sample.start_s, sample.first_token_s);
    total.points.emplace_back(sample.start_s, sample.total_s);
  }
  plot.series = {std::move(first), std::move(total)};
  return svg(plot);
}

Result<int> run(BenchServeFlags& flags) {
  TRY(read_url(flags.url, flags.load));
  if (flags.load.n_shared > flags.load.n_prompt)
    return fail(Fault::usage, "--shared {} is more than the prompt's {} tokens",
                flags.load.n_shared, flags.load.n_prompt);
  if (!flags.svg.empty()) TRY(check_output(flags.svg, flags.force));
  const LoadResult result = TRY(server::run_load(flags.load));
  const Percentiles first = server::percentiles(collect(result, &RequestSample::first_token_s));
  const Percentiles total = server::percentiles(collect(result, &RequestSample::total_s));
  const Percentiles gaps = server::percentiles(all_gaps(result));
  if (!flags.svg.empty()) TRY(write_output(flags.svg, drawn(result)));
  std::string error;
  for (const RequestSample& sample : result.samples)
    if (error.empty()) error = sample.error;
  if (flags.json) {
    print_json({{"requests", result.samples.size()},
                {"failed", result.n_failed()},
                {"error", error},
                {"seconds", result.seconds},
                {"tokens_per_s", result.tokens_per_s()},
                {"requests_per_s", result.requests_per_s()},
                {"first_token_s", as_json(first)},
                {"gap_s", as_json(gaps)},
                {"answer_s", as_json(total)}});
  } else {
    fmt::print("{} requests in {:.2f} s, {} failed: {:.1f} new tokens/s, {:.2f} answers/s\n",
               result.samples.size(), result.seconds, result.n_failed(), result.tokens_per_s(),
               result.requests_per_s());
    fmt::print("{:<14} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "ms", "mean", "p50", "p90", "p99", "max");
    print_row("first token", first);
    print_row("between tokens", gaps);
    print_row("whole answer", total);
    if (!error.empty()) fmt::print("first failure: {}\n", error);
  }
  if (result.n_failed() == static_cast<int64_t>(result.samples.size()))
    return fail(Fault::io, "no request was answered: {}", error);
  return 0;
}

}  // namespace

CommandBody command_bench_serve(CommandLine& app) {
  auto flags = std::make_shared<BenchServeFlags>();
  LoadOptions& load = flags->load;
  app.add_option("[URL]", flags->url, "of the server")->type_name("")->capture_default_str();
  add_text(app, "--model", load.model, "name that requests give", "NAME");
  add_text(app, "--api-key", load.api_key, "key that they give", "KEY");
  add_int(app, "--clients", load.n_clients, "that each ask again when they have their answer", 1,
          1024);
  add_number(app, "--rate", load.rate,
             "requests a second instead, at random times, answered or not", 0, 1e6);
  add_int(app, "--requests", load.n_requests, "in all", 1, 1'000'000);
  add_int(app, "-p,--n-prompt", load.n_prompt, "random tokens of a prompt", 1, 1 << 20);
  add_int(app, "-n,--n-gen", load.n_new, "tokens of an answer", 1, 1 << 20);
  add_int(app, "--shared", load.n_shared, "first tokens that all prompts share", 0, 1 << 20);
  add_int(app, "--vocab", load.n_vocab, "tokens are below this", 10, 1 << 20);
  add_int(app, "-s,--seed", load.seed, "of tokens and arrivals", 0, INT64_MAX);
  add_number(app, "--timeout", load.timeout_s, "seconds for one answer", 0.1, 86400);
  app.add_flag("--json", flags->json, "print JSON");
  add_text(app, "--svg", flags->svg, "draw the waiting times into a file", "FILE");
  app.add_flag("--force", flags->force, "overwrite a file that is there");
  examples(app, {{"quire bench-serve --clients 8", "eight clients, 128 tokens in, 64 out"},
                 {"quire bench-serve --rate 2 --requests 100", "two requests a second"},
                 {"quire bench-serve -p 4096 --shared 4000", "prompts that begin alike"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
