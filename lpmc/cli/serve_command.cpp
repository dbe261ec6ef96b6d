#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <sys/resource.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/captioning/caption_service.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/cli/serve_tags.h"
#include "lpmc/cli/version.h"
#include "lpmc/server/http_server.h"
#include "lpmc/server/serve_app.h"

namespace lpmc::cli {
namespace {

constexpr auto kLookInterval = std::chrono::milliseconds(20);

/// The command line of `lpmc serve`.
struct ServeFlags {
  CommonOptions common;
  BoundOptions<ServerOptions> server;
  CaptionServiceOptions service;
  std::string tokenizer;
  std::string api_key_file;
  ServeTags tags;
};

/// A thousand connections need more than the usual 1,024 descriptors.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

BearerKeys read_keys(const ServeFlags& flags) {
  const ServerOptions& options = flags.server.values();
  BearerKeys keys;
  if (!flags.api_key_file.empty()) keys = BearerKeys::read(flags.api_key_file);
  LPMC_REQUIRE(!keys.empty() || options.insecure || is_loopback(options.host), invalid_argument,
               "--host {}: others can reach that address: expected --api-key-file with the keys that let "
               "them in (or --insecure), found none",
               options.host);
  return keys;
}

/// What clients see of the model: its name, but no path of this machine.
std::string shown_model(const std::string& model) {
  const std::filesystem::path path(model);
  std::string name = path.filename().string();
  if (name.empty()) name = path.parent_path().filename().string();
  return name.empty() ? "model" : name;
}

void wait_for(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });
}

/// Lets what is under way come to its end. A second signal ends the process meanwhile.
void drain(HttpServer& server, ServeApp& app, double seconds) {
  app.drain();
  server.drain();
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  log(LogLevel::info, "shutting down: {} requests under way", server.exchanges());
  while (server.exchanges() > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(kLookInterval);
  if (server.exchanges() > 0) log(LogLevel::warning, "{} requests given up", server.exchanges());
}

HttpServerOptions http_options(const ServerOptions& options) {
  HttpServerOptions http;
  http.host = options.host;
  http.port = options.port;
  http.threads = options.io_threads;
  http.max_clients = options.max_clients;
  http.timeout_s = options.timeout_s;
  return http;
}

int serve(ServeFlags& flags) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  const ServerOptions& options = flags.server.values();
  validate(options);
  ServeSetup setup;
  setup.options = options;
  setup.keys = read_keys(flags);
  flags.tags.take_key();
  allow_many_descriptors();
  flags.service.tokenizer = flags.tokenizer;
  flags.service.shown_model = shown_model(flags.service.model);
  flags.service.batch_size = options.batch_size;
  flags.service.max_requests = options.max_queue;
  CaptionService service(flags.service);
  flags.tags.open(flags.common.threads, stop);
  setup.tag_captioning = flags.tags.captioning();
  setup.no_tag_captioning = flags.tags.reason();
  const std::string version = version_text();
  setup.version = version.substr(0, version.find('\n'));
  ServeApp app(service, std::move(setup));
  HttpServer server(http_options(options), app);
  app.set_connections([&server] { return server.connections(); });
  if (!flags.common.quiet) {
    fmt::print(stderr, "lpmc: serving {} on {}  (Ctrl-C ends)\n", service.model_name(), server.origin());
    std::fflush(stderr);
  }
  wait_for(stop);
  drain(server, app, options.drain_s);
  server.stop();
  return kAllDone;
}

}  // namespace

void add_serve_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<ServeFlags>();
  const auto group = "Model";
  add_flag_or_option(app, "-m,--model", flags->service.model,
                     "a folder, a name (`lpmc model list`) or a checkpoint (.pth)", "model")
      ->group(group);
  add_flag_or_option(app, "--tokenizer", flags->tokenizer,
                     "folder with vocab.json and merges.txt, if not beside the weights", "tokenizer")
      ->group(group);
  add_flag_or_option(app, "--dtype", flags->service.dtype,
                     "arithmetic; auto = the fastest here whose captions the model card vouches for", "dtype")
      ->check(one_of({"auto", "f32", "bf16", "int8"}))
      ->group(group);
  flags->server.add_to(app, "Server");
  add_flag_or_option(app, "--api-key-file", flags->api_key_file,
                     "a file with the keys, one a line, of which clients must send one as bearer token",
                     "serve-api-key-file")
      ->group("Server");
  flags->tags.add_flags(app);
  add_common_options(app, flags->common);
  add_examples(app,
               "  lpmc serve\n"
               "  lpmc serve --port 0 --media-root ~/Music --llm template\n"
               "  lpmc serve --host 0.0.0.0 --api-key-file keys.txt\n"
               "  curl -F file=@song.mp3 http://127.0.0.1:8080/v1/captions\n");
  app.callback([&run, flags] { run = [flags] { return serve(*flags); }; });
}

}  // namespace lpmc::cli
