#include "lpmc/tag_to_caption/local_llm.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/guarded_process.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kPortsTried = 5;
constexpr int kTokensOfSlot = 1024;
constexpr auto kHealthInterval = std::chrono::milliseconds(50);
constexpr double kHealthTimeout_s = 2;
constexpr std::size_t kLastLines = 8;
constexpr std::string_view kServerName = "llama-server";

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

/// The program of this name on PATH; empty where there is none.
fs::path find_on_path(std::string_view name) {
  const char* list = std::getenv("PATH");
  std::string_view rest = list == nullptr ? "" : list;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const fs::path candidate = fs::path(end == 0 ? "." : rest.substr(0, end)) / name;
    if (is_program(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

fs::path find_server(const LocalLlmOptions& options) {
  if (!options.server.empty()) {
    if (options.server.has_parent_path()) return is_program(options.server) ? options.server : fs::path();
    return find_on_path(options.server.string());
  }
  if (fs::path found = find_on_path(kServerName); !found.empty()) return found;
  if (options.folder.empty()) return {};
  fs::path own = options.folder / "bin" / kServerName;
  return is_program(own) ? own : fs::path();
}

fs::path find_weights(const LocalLlmOptions& options) {
  std::error_code error;
  if (!options.gguf.empty()) return fs::is_regular_file(options.gguf, error) ? options.gguf : fs::path();
  if (options.folder.empty()) return {};
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(options.folder, error)) {
    if (entry.path().extension() == ".gguf" && entry.is_regular_file(error)) found.push_back(entry.path());
  }
  if (found.empty()) return {};
  // The one that is known to work comes first.
  return *std::min_element(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    const auto rank = [](const fs::path& path) {
      return std::pair(!path.filename().string().starts_with("SmolLM2"), path.filename().string());
    };
    return rank(a) < rank(b);
  });
}

void check_weights(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  LPMC_REQUIRE(std::string_view(magic.data(), magic.size()) == "GGUF", corrupt,
               "{}: expected a GGUF file, found something else", display_path(path));
}

/// What is missing, in one line for each.
[[noreturn]] void fail_without(bool has_server, bool has_weights, const LocalLlmOptions& options) {
  const auto named = [](const fs::path& path, const char* thing) {
    return fmt::format("{} '{}'", thing, display_path(path));
  };
  std::string missing;
  if (!has_server) missing = options.server.empty() ? "llama-server" : named(options.server, "program");
  if (!has_weights) {
    missing += missing.empty() ? "" : " and no ";
    missing += options.gguf.empty() ? "weights (*.gguf)" : named(options.gguf, "weights");
  }
  fail(ErrorKind::not_found,
       "local language model: found no {}; looked on PATH and in {}\n"
       "  server: scripts/install_local_llm.sh, or a llama-server of llama.cpp on PATH, or --llama-server "
       "FILE\n"
       "  weights: `lpmc model pull smollm2-135m-instruct`, or --gguf FILE",
       missing, options.folder.empty() ? "no folder" : display_path(options.folder));
}

/// A port that nobody had a moment ago.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail_errno("socket", errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const bool bound = ::bind(socket, any, size) == 0 && ::getsockname(socket, any, &size) == 0;
  const int problem = errno;
  ::close(socket);
  if (!bound) fail_errno("127.0.0.1: a free port", problem);
  return ntohs(address.sin_port);
}

/// Ours without what is not the server's business: our key, and settings under which it would ask for one or
/// answer elsewhere.
std::vector<std::string> child_environment() {
  constexpr std::array<std::string_view, 5> kLeftOut{
      "OPENAI_API_KEY=", "LLAMA_API_KEY=", "LLAMA_ARG_API_PREFIX=", "LLAMA_ARG_SSL_KEY_FILE=",
      "LLAMA_ARG_SSL_CERT_FILE="};
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto is_prefix = [&](std::string_view name) { return text.starts_with(name); };
    if (std::none_of(kLeftOut.begin(), kLeftOut.end(), is_prefix)) kept.emplace_back(text);
  }
  return kept;
}

/// Whether a server ended because its port was taken.
bool says_port_taken(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.find("bind") != std::string::npos || text.find("in use") != std::string::npos;
}

std::string last_lines(const std::string& text) {
  std::size_t begin = text.find_last_not_of("\r\n") + 1;
  const std::size_t end = begin;
  for (std::size_t lines = 0; begin > 0 && lines < kLastLines; ++lines) {
    const std::size_t before = text.rfind('\n', begin - 1);
    begin = before == std::string::npos ? 0 : before;
  }
  std::string last = text.substr(begin, end - begin);
  last.erase(0, last.find_first_not_of('\n'));
  return replace_invalid_utf8(last);
}

}  // namespace

LocalLlmFiles find_local_llm(const LocalLlmOptions& options) {
  LocalLlmFiles files{find_server(options), find_weights(options)};
  if (files.server.empty() || files.gguf.empty())
    fail_without(!files.server.empty(), !files.gguf.empty(), options);
  check_weights(files.gguf);
  return files;
}

struct LocalLlm::Impl {
  LocalLlmOptions options;
  LocalLlmFiles files;
  std::string model_name, origin, base_url;
  std::unique_ptr<GuardedProcess> process;

  void start(int port) {
    const int parallel = std::max(1, options.parallel);
    std::vector<std::string> arguments = {
        fs::absolute(files.server).string(),
        "--model",
        files.gguf.string(),
        "--alias",
        model_name,
        "--host",
        "127.0.0.1",
        "--port",
        std::to_string(port),
        "--ctx-size",
        std::to_string(std::max(options.context_tokens, kTokensOfSlot * parallel)),
        "--parallel",
        std::to_string(parallel)};
    if (options.threads > 0) {
      arguments.emplace_back("--threads");
      arguments.push_back(std::to_string(options.threads));
    }
    process.reset();
    process = std::make_unique<GuardedProcess>(arguments, child_environment());
    origin = fmt::format("http://127.0.0.1:{}", port);
    base_url = origin + "/v1";
  }

  int status_of(HttpClient& http, const std::string& path) const {
    HttpRequest request;
    request.url = origin + path;
    request.timeout_s = kHealthTimeout_s;
    return http.fetch(std::move(request)).status;
  }

  /// @return false when it has ended
  bool wait_for_health(HttpClient& http, Clock::time_point deadline) const {
    while (process->is_running()) {
      if (options.stop.stop_requested())
        fail(ErrorKind::cancelled, "interrupted while {} was starting", display_path(files.server));
      LPMC_REQUIRE(Clock::now() < deadline, remote, "{}: not ready after {} s; {}",
                   display_path(files.server), options.start_timeout_s, last_words());
      const int health = status_of(http, "/health");
      // Other servers of the same API have no /health.
      const bool ready = health == 200 || (health == 404 && status_of(http, "/v1/models") == 200);
      if (ready && process->is_running()) return true;
      std::this_thread::sleep_for(kHealthInterval);
    }
    return false;
  }

  std::string last_words() const {
    const std::string end = process->end(), lines = last_lines(process->output());
    std::string words = end.empty() ? "" : fmt::format("it ended ({})", end);
    if (lines.empty()) return words + (words.empty() ? "it wrote nothing" : " and wrote nothing");
    return words + (words.empty() ? "it wrote:\n" : " and wrote:\n") + lines;
  }
};

LocalLlm::LocalLlm(HttpClient& http, const LocalLlmOptions& options) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.options = options;
  impl.files = find_local_llm(options);
  impl.model_name = impl.files.gguf.stem().string();
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(options.start_timeout_s));
  for (int tried = 1;; ++tried) {
    impl.start(free_port());
    if (impl.wait_for_health(http, deadline)) return;
    const bool taken = says_port_taken(impl.process->output());
    LPMC_REQUIRE(taken && tried < kPortsTried, remote, "{}: did not start: {}",
                 display_path(impl.files.server), impl.last_words());
    log(LogLevel::info, "{}: its port was taken by somebody else; trying another one",
        display_path(impl.files.server));
  }
}

LocalLlm::~LocalLlm() = default;

const std::string& LocalLlm::base_url() const {
  return impl_->base_url;
}

const std::string& LocalLlm::model_name() const {
  return impl_->model_name;
}

bool LocalLlm::is_running() const {
  return impl_->process->is_running();
}

std::string LocalLlm::last_words() const {
  return impl_->last_words();
}

}  // namespace lpmc
