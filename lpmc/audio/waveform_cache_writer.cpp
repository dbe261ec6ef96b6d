#include <cerrno>
#include <string>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "lpmc/audio/cache_index.h"
#include "lpmc/audio/waveform_cache.h"
#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

/// A file that is written at places of our choice and synced.
class WrittenFile {
 public:
  WrittenFile() = default;
  explicit WrittenFile(const fs::path& path) : name_(display_path(path)) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0) fail_errno(name_, errno);
  }
  ~WrittenFile() {
    if (file_ >= 0) ::close(file_);
  }
  WrittenFile(WrittenFile&& other) noexcept
      : name_(std::move(other.name_)), file_(std::exchange(other.file_, -1)) {}
  WrittenFile& operator=(WrittenFile&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(file_, other.file_);
    return *this;
  }

  void write(std::uint64_t position, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(position));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_errno(name_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      position += static_cast<std::uint64_t>(written);
    }
  }
  void cut(std::uint64_t size) const {
    if (::ftruncate(file_, static_cast<off_t>(size)) != 0) fail_errno(name_, errno);
  }
  void sync() const {
    if (::fsync(file_) != 0) fail_errno(name_, errno);
  }
  void lock() const {
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    LPMC_REQUIRE(errno != EWOULDBLOCK, io,
                 "{}: expected to be the only writer, found another process at work", name_);
    fail_errno(name_, errno);
  }

 private:
  std::string name_;
  int file_ = -1;
};

void sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);  // some file systems refuse it for folders
  ::close(file);
}

}  // namespace

struct WaveformCacheWriter::Impl {
  fs::path folder;
  Options options;
  WrittenFile lock, index, shard;
  detail::CacheHead head;  // as committed
  std::uint32_t shard_number = 0;
  std::uint64_t shard_bytes = 0;  // written to the open shard
  std::string pending;            // index entries to commit
  std::uint64_t pending_entries = 0;
  std::int64_t pending_samples = 0;
  std::unordered_set<std::string> ids;

  void open() {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail_errno(display_path(folder), error.value());
    lock = WrittenFile(folder / "lock");
    lock.lock();
    const auto found = detail::read_cache_head(folder);
    LPMC_REQUIRE(!found || found->sample_rate == options.sample_rate, invalid_argument,
                 "{}: expected {} Hz, found a cache of {} Hz", display_path(folder), options.sample_rate,
                 found->sample_rate);
    index = WrittenFile(detail::cache_index_path(folder));
    if (found) {
      head = *found;
      take_up();
    } else {
      head.sample_rate = options.sample_rate;
      detail::write_cache_head(folder, head);
    }
    index.cut(head.index_bytes);
    open_shard();
    remove_shards_behind();
  }

  /// Reads which ids are there and where the last shard ends.
  void take_up() {
    const MappedFile file(detail::cache_index_path(folder));
    const std::string name = display_path(file.path());
    LPMC_REQUIRE(head.index_bytes <= file.bytes().size(), corrupt, "{}: expected {} bytes, found {}", name,
                 head.index_bytes, file.bytes().size());
    const detail::CacheIndex entries(file.bytes().first(head.index_bytes), head.entries, name);
    ids.reserve(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const detail::CacheEntry entry = entries.entry(i);
      ids.emplace(entry.id);
      if (entry.shard > shard_number) {
        shard_number = entry.shard;
        shard_bytes = 0;
      }
      if (entry.shard == shard_number)
        shard_bytes = std::max(shard_bytes, (entry.offset + entry.samples) * 2);
    }
  }

  void open_shard() {
    const fs::path path = detail::cache_shard_path(folder, shard_number);
    std::error_code error;
    const std::uint64_t found = fs::exists(path, error) ? fs::file_size(path, error) : 0;
    LPMC_REQUIRE(!error && found >= shard_bytes, corrupt, "{}: expected at least {} bytes, found {}",
                 display_path(path), shard_bytes, found);
    shard = WrittenFile(path);
    shard.cut(shard_bytes);
  }

  /// Shards that a killed writer began and did not commit.
  void remove_shards_behind() const {
    std::error_code error;
    for (std::uint32_t next = shard_number + 1; fs::remove(detail::cache_shard_path(folder, next), error);)
      ++next;
  }

  void begin_next_shard() {
    shard.sync();
    WrittenFile next(detail::cache_shard_path(folder, shard_number + 1));
    next.cut(0);
    shard = std::move(next);
    ++shard_number;
    shard_bytes = 0;
  }
};

WaveformCacheWriter::WaveformCacheWriter(const fs::path& folder, const Options& options)
    : impl_(std::make_unique<Impl>()) {
  LPMC_REQUIRE(options.sample_rate > 0 && options.shard_bytes > 0, invalid_argument,
               "waveform cache: expected a sample rate and a shard size, found {} Hz and {} bytes",
               options.sample_rate, options.shard_bytes);
  impl_->folder = folder;
  impl_->options = options;
  impl_->open();
}

WaveformCacheWriter::~WaveformCacheWriter() = default;
WaveformCacheWriter::WaveformCacheWriter(WaveformCacheWriter&&) noexcept = default;
WaveformCacheWriter& WaveformCacheWriter::operator=(WaveformCacheWriter&&) noexcept = default;

bool WaveformCacheWriter::contains(std::string_view id) const {
  return impl_->ids.contains(std::string(id));
}

void WaveformCacheWriter::add(std::string_view id, std::string_view source,
                              std::span<const std::int16_t> samples) {
  LPMC_REQUIRE(!id.empty() && id.size() <= detail::kMaxCacheName && source.size() <= detail::kMaxCacheName,
               invalid_argument,
               "waveform cache: expected an id and a source of 1 to {} bytes, found {} and {}",
               detail::kMaxCacheName, id.size(), source.size());
  LPMC_REQUIRE(!samples.empty(), invalid_argument, "waveform cache: '{}': expected samples, found none",
               display_path(id));
  LPMC_REQUIRE(!contains(id), invalid_argument, "waveform cache: '{}': expected a new id, found it there",
               display_path(id));
  Impl& impl = *impl_;
  const std::span<const std::byte> bytes = std::as_bytes(samples);
  if (impl.shard_bytes > 0 &&
      impl.shard_bytes + bytes.size() > static_cast<std::uint64_t>(impl.options.shard_bytes)) {
    impl.begin_next_shard();
  }
  impl.shard.write(impl.shard_bytes, bytes);
  detail::append_cache_entry(impl.pending, {.id = id,
                                            .source = source,
                                            .shard = impl.shard_number,
                                            .offset = impl.shard_bytes / 2,
                                            .samples = samples.size(),
                                            .checksum = detail::crc32_of(bytes)});
  impl.shard_bytes += bytes.size();
  ++impl.pending_entries;
  impl.pending_samples += static_cast<std::int64_t>(bytes.size());
  impl.ids.emplace(id);
}

void WaveformCacheWriter::commit() {
  Impl& impl = *impl_;
  if (impl.pending_entries == 0) return;
  impl.shard.sync();
  impl.index.write(impl.head.index_bytes, std::as_bytes(std::span(impl.pending)));
  impl.index.sync();
  sync_folder(impl.folder);  // the shards' names
  detail::CacheHead next = impl.head;
  next.index_bytes += impl.pending.size();
  next.entries += impl.pending_entries;
  detail::write_cache_head(impl.folder, next);
  impl.head = next;
  impl.pending.clear();
  impl.pending_entries = 0;
  impl.pending_samples = 0;
}

std::int64_t WaveformCacheWriter::pending_bytes() const {
  return impl_->pending_samples;
}

}  // namespace lpmc
