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
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

constexpr double kWholeFile_s = 24 * 3600;
constexpr auto kLookInterval = std::chrono::milliseconds(100);
constexpr int kWhole = 200;
constexpr int kPartialContent = 206;

/// A file descriptor that is closed with the object.
class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags) : name_(display_path(path)) {
    file_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (file_ < 0) fail_errno(name_, errno);
  }
  ~OpenFile() { ::close(file_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  /// @return false when the disk did not take it; errno says why
  bool write(std::span<const char> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// @return bytes read; 0 at the end
  std::size_t read(std::span<char> bytes) const {
    ssize_t count = -1;
    while ((count = ::read(file_, bytes.data(), bytes.size())) < 0 && errno == EINTR) {
    }
    if (count < 0) fail_errno(name_, errno);
    return static_cast<std::size_t>(count);
  }
  void sync() const {
    if (::fsync(file_) != 0) fail_errno(name_, errno);
  }

 private:
  std::string name_;
  int file_ = -1;
};

std::uint64_t size_or_0(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

bool is_right(const fs::path& path, const HubFile& file) {
  return size_or_0(path) == file.size && sha256_of_file(path) == file.sha256;
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
    total_ = model.size();
  }

  fs::path fetch(const HubFile& file) {
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

 private:
  void check(const HubFile& file, const fs::path& part) const {
    const std::uint64_t size = size_or_0(part);
    const std::string sha256 = size == file.size ? sha256_of_file(part) : "";
    if (size == file.size && sha256 == file.sha256) return;
    fs::remove(part);
    LPMC_REQUIRE(size == file.size, corrupt, "{}/{}: expected {} bytes, found {}", source_, file.path,
                 file.size, size);
    fail(ErrorKind::corrupt, "{}/{}: expected SHA-256 {}, found {}", source_, file.path, file.sha256, sha256);
  }

  void copy(const HubFile& file, const fs::path& part) {
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

  void download(const HubFile& file, const fs::path& part) {
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

  HttpRequest request(const HubFile& file, const std::string& range) const {
    HttpRequest request;
    request.url = source_ + "/" + file.path;
    request.timeout_s = kWholeFile_s;
    if (!range.empty()) request.headers.emplace_back("Range", "bytes=" + range);
    return request;
  }

  /// Whether the server sends parts: asked for one byte, it must send one.
  bool resumes(const HubFile& file, std::uint64_t offset) {
    HttpRequest probe = request(file, fmt::format("{}-{}", offset, offset));
    probe.on_data = [](std::span<const char> bytes) { return bytes.size() <= 1; };
    return http_.fetch(std::move(probe)).status == kPartialContent;
  }

  /// Appends what comes to the part.
  HttpResponse get(const HubFile& file, const fs::path& part, std::uint64_t offset) {
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
    std::promise<HttpResponse> promise;
    std::future<HttpResponse> future = promise.get_future();
    http_.send(std::move(asked), [&](HttpResponse&& response) { promise.set_value(std::move(response)); });
    while (future.wait_for(kLookInterval) != std::future_status::ready) {
      tell(written);
      if (options_.stop.stop_requested()) http_.cancel_all();
    }
    if (disk_error != 0) fail_errno(display_path(part), disk_error);
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
  std::uint64_t before_ = 0, total_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace

std::string sha256_of_file(const fs::path& path) {
  const OpenFile file(path, O_RDONLY);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool ok = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::vector<char> buffer(1 << 20);
  while (ok) {
    const std::size_t count = file.read(buffer);
    if (count == 0) break;
    ok = EVP_DigestUpdate(context.get(), buffer.data(), count) == 1;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ok = ok && EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1;
  LPMC_REQUIRE(ok, unsupported, "SHA-256: libcrypto does not offer it");
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

std::vector<fs::path> pull_model(HttpClient& http, const HubModel& model, const PullOptions& options) {
  Pull pull(http, model, options);
  std::vector<fs::path> files;
  for (const HubFile& file : model.files)
    files.push_back(pull.fetch(file));
  return files;
}

}  // namespace lpmc
