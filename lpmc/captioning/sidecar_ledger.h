#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// Hash of a file's content, to tell whether it was edited: its size and 64-bit FNV-1a. No defence
/// against somebody who wants a collision.
std::string content_hash(std::string_view bytes);
/// The same of a file; empty when it cannot be read.
std::string hash_of_file(const std::filesystem::path& file);

/// What lpmc wrote into one folder: a hidden file `.lpmc-sidecars.json` there, with the hashes and
/// the source of every file. Names are percent-encoded (plain_text.h), so any bytes will do.
class SidecarLedger {
 public:
  static constexpr const char* kFileName = ".lpmc-sidecars.json";

  struct Entry {
    std::vector<std::string> hashes;  ///< contents that are lpmc's; two around a write that may be cut short
    std::string source;               ///< input whose captions they are, seen from the folder
  };

  /// Reads the ledger of `folder`. One that is not there is empty; one that cannot be read or
  /// understood counts as empty too, with a warning in the log: then nothing is overwritten.
  explicit SidecarLedger(const std::filesystem::path& folder);

  const Entry* find(const std::filesystem::path& name) const;
  void set(const std::filesystem::path& name, Entry entry);
  /// Writes it, whole or not at all.
  /// @throws Error(io, not_found) as AtomicFile does
  void save() const;

 private:
  void read(std::string_view json);

  std::filesystem::path path_;
  std::map<std::string, Entry> entries_;  // by percent-encoded name
};

/// Holds other lpmc processes and threads off a folder's ledger, until destroyed. Where the file
/// system has no locks it holds nobody off.
class FolderLock {
 public:
  /// @throws Error(not_found, io) when the folder cannot be opened
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int folder_ = -1;
};

}  // namespace lpmc
