#include "lpmc/captioning/sidecar_ledger.h"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/plain_text.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kVersionKey = "lpmc_sidecars";
constexpr int kVersion = 1;

constexpr std::uint64_t kEmptyHash = 0xCBF29CE484222325U;

std::uint64_t hash_bytes(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3U;
  return hash;
}

std::string hash_text(std::uint64_t size, std::uint64_t hash) {
  return fmt::format("{}-{:016x}", size, hash);
}

/// The entry of one file, or nothing when it has another shape.
std::optional<SidecarLedger::Entry> entry_from_json(const Json& json) {
  if (!json.is_object() || !json.contains("hashes") || !json["hashes"].is_array()) return std::nullopt;
  if (!json.contains("source") || !json["source"].is_string()) return std::nullopt;
  SidecarLedger::Entry entry;
  entry.source = json["source"].get<std::string>();
  for (const Json& hash : json["hashes"]) {
    if (!hash.is_string()) return std::nullopt;
    entry.hashes.push_back(hash.get<std::string>());
  }
  return entry;
}

}  // namespace

std::string content_hash(std::string_view bytes) {
  return hash_text(bytes.size(), hash_bytes(kEmptyHash, bytes));
}

std::string hash_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(std::size_t{1} << 16U);
  std::uint64_t hash = kEmptyHash, size = 0;
  while (file.good()) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    hash = hash_bytes(hash, {piece.data(), count});
    size += count;
  }
  return file.eof() ? hash_text(size, hash) : std::string();
}

SidecarLedger::SidecarLedger(const fs::path& folder) : path_(folder / kFileName) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0 && errno == ENOENT) return;
  if (!S_ISREG(status.st_mode)) {
    log(LogLevel::warning, "{}: expected the list of files that lpmc wrote, found no regular file",
        display_path(path_));
    return;
  }
  std::ifstream file(path_, std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  read(json);
}

void SidecarLedger::read(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  bool good = json.is_object() && json.contains(kVersionKey) && json[kVersionKey] == kVersion &&
              json.contains("files") && json["files"].is_object();
  std::map<std::string, Entry> entries;
  if (good) {
    for (const auto& [name, value] : json["files"].items()) {
      auto entry = entry_from_json(value);
      good = good && entry;
      if (entry) entries.emplace(name, std::move(*entry));
    }
  }
  if (good) {
    entries_ = std::move(entries);
  } else {
    log(LogLevel::warning,
        "{}: damaged, so which files lpmc wrote into this folder is not known; none is overwritten without "
        "--overwrite",
        display_path(path_));
  }
}

const SidecarLedger::Entry* SidecarLedger::find(const fs::path& name) const {
  const auto found = entries_.find(percent_encoded(name.native()));
  return found == entries_.end() ? nullptr : &found->second;
}

void SidecarLedger::set(const fs::path& name, Entry entry) {
  entries_[percent_encoded(name.native())] = std::move(entry);
}

void SidecarLedger::save() const {
  Json files = Json::object();
  for (const auto& [name, entry] : entries_)
    files[name] = {{"hashes", entry.hashes}, {"source", entry.source}};
  const Json json = {{kVersionKey, kVersion}, {"files", std::move(files)}};
  write_file_atomically(path_, json.dump(1) + "\n");
}

FolderLock::FolderLock(const fs::path& folder) {
  folder_ = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) fail_errno(display_path(folder), errno);
  // Anything but an interruption means that this file system has no such locks.
  while (::flock(folder_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

FolderLock::~FolderLock() {
  ::close(folder_);
}

}  // namespace lpmc
