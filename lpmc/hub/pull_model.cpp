#include "lpmc/hub/pull_model.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <random>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/hub/file_digest.h"
#include "lpmc/hub/open_file.h"
#include "lpmc/hub/remote_file.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

constexpr double kWholeFile_s = 24 * 3600;
constexpr auto kLookInterval = std::chrono::milliseconds(100);
constexpr int kWhole = 200;
constexpr int kPartialContent = 206;

std::uint64_t size_or_0(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

/// A file of the model with what it must be like.
struct KnownFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256, git_sha1;  // at most one; of none, only the size is checked
};

/// What speaks against a file, "" where nothing does.
std::string objection(const fs::path& path, const KnownFile& file) {
  const std::uint64_t size = size_or_0(path);
  if (size != file.size) return fmt::format("expected {} bytes, found {}", file.size, size);
  if (!file.sha256.empty()) {
    const std::string sha256 = sha256_of_file(path);
    return sha256 == file.sha256 ? "" : fmt::format("expected SHA-256 {}, found {}", file.sha256, sha256);
  }
  if (file.git_sha1.empty()) return "";
  const std::string sha1 = git_blob_sha1_of_file(path);
  return sha1 == file.git_sha1 ? "" : fmt::format("expected git's SHA-1 {}, found {}", file.git_sha1, sha1);
}

bool is_right(const fs::path& path, const KnownFile& file) {
  std::error_code error;
  return fs::is_regular_file(path, error) && objection(path, file).empty();
}

bool is_url(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

/// One pull of one model.
class Pull {
 public:
  Pull(HttpClient& http, const HubModel& model, const PullOptions& options)
      : http_(http), options_(options), source_(options.from.empty() ? model.source : options.from) {
    while (source_.size() > 1 && source_.ends_with('/'))
      source_.pop_back();
    for (const HubFile& file : model.files) {
      files_.push_back(know(file));
      total_ += files_.back().size;
    }
  }

  std::vector<fs::path> fetch_all() {
    std::vector<fs::path> paths;
    for (const KnownFile& file : files_)
      paths.push_back(fetch(file));
    return paths;
  }

 private:
  fs::path fetch(const KnownFile& file) {
    const fs::path final_name = options_.folder / file.path;
    std::error_code error;
    fs::create_directories(final_name.parent_path(), error);
    LPMC_REQUIRE(!error, io, "{}: {}", display_path(final_name.parent_path()), error.message());
    if (!is_right(final_name, file)) {
      const fs::path part = final_name.string() + ".part";
      if (size_or_0(part) > file.size) fs::remove(part);
      if (is_url(source_)) {
        download(file, part);
      } else {
        copy(file, part);
      }
      check(file, part);
      OpenFile(part, O_RDONLY).sync();
      fs::rename(part, final_name, error);
      LPMC_REQUIRE(!error, io, "{}: {}", display_path(final_name), error.message());
    }
    before_ += file.size;
    tell(0);
    return final_name;
  }

  /// Size and digest of a file, from the list or, where that has none, from who holds the file.
  KnownFile know(const HubFile& file) {
    if (!file.sha256.empty()) return {file.path, file.size, file.sha256, ""};
    if (!is_url(source_)) {
      const fs::path from = fs::path(source_) / file.path;
      const std::string sha256 = sha256_of_file(from);
      return {file.path, fs::file_size(from), sha256, ""};
    }
    const std::atomic<std::uint64_t> nothing_written{0};
    for (int attempt = 0;;) {
      const RemoteFileAnswer answer = ask_for_file(source_ + "/" + file.path, [&](HttpRequest&& head) {
        return exchange(std::move(head), nothing_written);
      });
      check_stop();
      if (answer.failure.empty()) {
        if (answer.sha256.empty() && answer.git_sha1.empty())
          log(LogLevel::warning, "{}/{}: the server names no digest: only the size will be checked", source_,
              file.path);
        return {file.path, answer.size, answer.sha256, answer.git_sha1};
      }
      LPMC_REQUIRE(answer.may_retry && ++attempt < options_.max_attempts, remote, "{}/{}: {}", source_,
                   file.path, answer.failure);
      wait(options_.backoff.wait_s(attempt, 0, std::uniform_real_distribution<>()(random_)));
    }
  }

  void check(const KnownFile& file, const fs::path& part) const {
    const std::string problem = objection(part, file);
    if (problem.empty()) return;
    fs::remove(part);
    fail(ErrorKind::corrupt, "{}/{}: {}", source_, file.path, problem);
  }

  void copy(const KnownFile& file, const fs::path& part) {
    const OpenFile from(fs::path(source_) / file.path, O_RDONLY);
    const OpenFile to(part, O_WRONLY | O_CREAT | O_TRUNC);
    std::array<char, 1 << 16> buffer;
    std::uint64_t done = 0;
    while (const std::size_t count = from.read(buffer)) {
      check_stop();
      if (!to.write({buffer.data(), count})) fail_errno(display_path(part), errno);
      tell(done += count);
    }
  }

  void download(const KnownFile& file, const fs::path& part) {
    if (size_or_0(part) > 0 && size_or_0(part) < file.size && !resumes(file, size_or_0(part)))
      fs::remove(part);
    for (int attempt = 0; size_or_0(part) < file.size;) {
      const std::uint64_t before = size_or_0(part);
      const HttpResponse response = get(file, part, before);
      check_stop();
      if (before > 0 && response.status == kWhole) {
        fs::remove(part);  // what was appended is the file from its beginning
        LPMC_REQUIRE(++attempt < options_.max_attempts, remote,
                     "{}/{}: the connection breaks off and the server gives no parts", source_, file.path);
        continue;
      }
      if (response.ok()) {
        LPMC_REQUIRE(size_or_0(part) >= file.size, corrupt, "{}/{}: expected {} bytes, found {}", source_,
                     file.path, file.size, size_or_0(part));
        return;
      }
      const std::string problem = response.failure == HttpFailure::none
                                      ? fmt::format("status {}", response.status)
                                      : response.failure_text;
      attempt = size_or_0(part) > before ? 1 : attempt + 1;
      LPMC_REQUIRE(classify(response) == RetryClass::retry && attempt < options_.max_attempts, remote,
                   "{}/{}: {}", source_, file.path, problem);
      log(LogLevel::warning, "{}/{}: {}; going on at {} bytes", source_, file.path, problem, size_or_0(part));
      wait(options_.backoff.wait_s(attempt, 0, std::uniform_real_distribution<>()(random_)));
    }
  }

  HttpRequest request(const KnownFile& file, const std::string& range) const {
    HttpRequest request;
    request.url = source_ + "/" + file.path;
    request.timeout_s = kWholeFile_s;
    if (!range.empty()) request.headers.emplace_back("Range", "bytes=" + range);
    return request;
  }

  /// Whether the server sends parts: asked for one byte, it must send one.
  bool resumes(const KnownFile& file, std::uint64_t offset) {
    HttpRequest probe = request(file, fmt::format("{}-{}", offset, offset));
    probe.on_data = [](std::span<const char> bytes) { return bytes.size() <= 1; };
    return http_.fetch(std::move(probe)).status == kPartialContent;
  }

  /// Appends what comes to the part.
  HttpResponse get(const KnownFile& file, const fs::path& part, std::uint64_t offset) {
    const OpenFile out(part, O_WRONLY | O_CREAT | O_APPEND);
    HttpRequest asked = request(file, offset > 0 ? fmt::format("{}-", offset) : "");
    std::atomic<std::uint64_t> written{offset};
    std::atomic<int> disk_error{0};
    asked.on_data = [&](std::span<const char> bytes) {
      if (options_.stop.stop_requested()) return false;
      if (written + bytes.size() > file.size) bytes = bytes.first(file.size - written);
      if (!out.write(bytes)) {
        disk_error = errno;
        return false;
      }
      written += bytes.size();
      return true;
    };
    HttpResponse response = exchange(std::move(asked), written);
    if (disk_error != 0) fail_errno(display_path(part), disk_error);
    return response;
  }

  /// Sends and waits, telling how much of the file is there, until an answer comes or a stop is asked for.
  HttpResponse exchange(HttpRequest&& request, const std::atomic<std::uint64_t>& written) {
    std::promise<HttpResponse> promise;
    std::future<HttpResponse> future = promise.get_future();
    http_.send(std::move(request), [&](HttpResponse&& response) { promise.set_value(std::move(response)); });
    while (future.wait_for(kLookInterval) != std::future_status::ready) {
      tell(written);
      if (options_.stop.stop_requested()) http_.cancel_all();
    }
    return future.get();
  }

  void wait(double seconds) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < until) {
      check_stop();
      std::this_thread::sleep_for(
          std::min<std::chrono::duration<double>>(kLookInterval, until - std::chrono::steady_clock::now()));
    }
  }

  void check_stop() const {
    LPMC_REQUIRE(!options_.stop.stop_requested(), cancelled,
                 "interrupted; the same command goes on where this one stopped");
  }

  void tell(std::uint64_t done_of_file) const {
    if (options_.on_progress) options_.on_progress(before_ + done_of_file, total_);
  }

  HttpClient& http_;
  const PullOptions& options_;
  std::string source_;
  std::vector<KnownFile> files_;
  std::uint64_t before_ = 0, total_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace

std::vector<fs::path> pull_model(HttpClient& http, const HubModel& model, const PullOptions& options) {
  return Pull(http, model, options).fetch_all();
}

}  // namespace lpmc
