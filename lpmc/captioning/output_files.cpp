#include "lpmc/captioning/output_files.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/plain_text.h"
#include "lpmc/captioning/sidecar_ledger.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

Failure errno_failure(const fs::path& path, std::string_view doing, int errno_value) {
  const bool absent = errno_value == ENOENT || errno_value == ENOTDIR;
  return {absent ? ErrorKind::not_found : ErrorKind::io,
          fmt::format("{}: {}{}", display_path(path), doing, std::generic_category().message(errno_value))};
}

Failure refusal(std::string message) {
  return {ErrorKind::invalid_argument, std::move(message)};
}

/// "song.mp3" to "song.txt". What follows the last dot is an extension only when it is short and
/// plain: the title "01. Intro" stays whole.
fs::path with_extension(const fs::path& file, const std::string& extension) {
  constexpr std::size_t kLongestExtension = 8;
  const std::string old = file.extension().native();
  const bool plain = old.size() >= 2 && old.size() <= kLongestExtension + 1 &&
                     std::all_of(old.begin() + 1, old.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                     });
  fs::path changed = plain ? file.parent_path() / file.stem() : file;
  changed += "." + extension;
  return changed;
}

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

/// The input as the ledger of `folder` names it: the way to it from there, so that both may move
/// together and no home folder's name is given away.
std::string source_name(const fs::path& input, const fs::path& folder) {
  std::error_code ignored;
  const fs::path way = fs::absolute(input, ignored)
                           .lexically_normal()
                           .lexically_relative(fs::absolute(folder, ignored).lexically_normal());
  const std::string& name = way.empty() ? input.native() : way.native();
  return is_valid_utf8(name) ? name : percent_encoded(name);
}

/// Why an existing file may not be replaced by the captions of `source`, if so.
std::optional<Failure> replacement_refusal(const PlannedOutput& output, const SidecarLedger& ledger) {
  const SidecarLedger::Entry* entry = ledger.find(output.target.filename());
  const bool unchanged = entry != nullptr && std::find(entry->hashes.begin(), entry->hashes.end(),
                                                       hash_of_file(output.target)) != entry->hashes.end();
  if (!unchanged) {
    return refusal(
        fmt::format("{}: exists and was not written by lpmc (or was edited since); --overwrite replaces it",
                    display_path(output.target)));
  }
  if (entry->source != output.source) {
    return refusal(fmt::format("{}: holds the captions of {}; --overwrite replaces it",
                               display_path(output.target), display_path(entry->source)));
  }
  return std::nullopt;
}

using FileId = std::pair<dev_t, ino_t>;

/// Plans one input after another, remembering what the others need.
class Planner {
 public:
  Planner(std::span<const InputFile> inputs, const OutputPlace& place) : place_(place) {
    for (const InputFile& input : inputs) {
      struct stat status {};
      if (::stat(input.file.c_str(), &status) == 0) inputs_.insert({status.st_dev, status.st_ino});
      input_names_.insert(input.file.lexically_normal().native());
    }
  }

  PlannedOutput plan(const InputFile& input) {
    PlannedOutput output;
    output.failure = input.failure;
    if (input.failure) return output;
    const fs::path& name = place_.folder ? input.relative : input.file;
    output.target = with_extension(place_.folder ? *place_.folder / name : name, place_.extension);
    output.source = source_name(input.file, folder_of(output.target));
    output.failure = check(input, output);
    return output;
  }

 private:
  std::optional<Failure> check(const InputFile& input, PlannedOutput& output) {
    if (place_.folder && leads_out(input.relative)) {
      return refusal(fmt::format("{}: expected a path below the output folder, found {}",
                                 display_path(input.file), display_path(input.relative)));
    }
    struct stat status {};
    const bool exists = ::stat(output.target.c_str(), &status) == 0;
    if (!exists && errno != ENOENT) return errno_failure(output.target, "cannot write it: ", errno);
    if (input_names_.contains(output.target.lexically_normal().native()) ||
        (exists && inputs_.contains({status.st_dev, status.st_ino}))) {
      return refusal(fmt::format("{}: its captions would overwrite the input {}", display_path(input.file),
                                 display_path(output.target)));
    }
    if (output.target.filename() == SidecarLedger::kFileName) {
      return refusal(fmt::format("{}: its captions would overwrite lpmc's own {}", display_path(input.file),
                                 display_path(output.target)));
    }
    const auto [first, is_first] = taken_.try_emplace(output.target.lexically_normal().native(), input.file);
    if (!is_first) {
      return refusal(fmt::format("{}: its captions would go to {}, as those of {} do",
                                 display_path(input.file), display_path(output.target),
                                 display_path(first->second)));
    }
    if (exists && !S_ISREG(status.st_mode)) {
      return refusal(fmt::format("{}: expected a file to write, found {}", display_path(output.target),
                                 S_ISDIR(status.st_mode) ? "a folder" : "a pipe or device"));
    }
    if (exists && place_.skip_existing) {
      output.skip = true;
      return std::nullopt;
    }
    if (exists && ::access(output.target.c_str(), W_OK) != 0) {
      return errno_failure(output.target, "cannot replace it: ", errno);
    }
    if (auto failure = folder_failure(folder_of(output.target))) return failure;
    return exists && !place_.overwrite ? check_replacement(output) : std::nullopt;
  }

  std::optional<Failure> check_replacement(const PlannedOutput& output) {
    if (::access(output.target.c_str(), R_OK) != 0) {
      return errno_failure(output.target, "cannot tell whether lpmc wrote it: ", errno);
    }
    const fs::path folder = folder_of(output.target);
    const auto place = ledgers_.try_emplace(folder.native(), folder).first;
    return replacement_refusal(output, place->second);
  }

  /// check_writable, once a folder.
  std::optional<Failure> folder_failure(const fs::path& folder) {
    const auto known = folders_.find(folder.native());
    if (known != folders_.end()) return known->second;
    return folders_.emplace(folder.native(), check_writable(folder)).first->second;
  }

  static bool leads_out(const fs::path& relative) {
    return relative.empty() || relative.is_absolute() ||
           std::find(relative.begin(), relative.end(), "..") != relative.end();
  }

  const OutputPlace& place_;
  std::set<FileId> inputs_;
  std::set<std::string> input_names_;
  std::unordered_map<std::string, fs::path> taken_;  // target to the input that has it
  std::unordered_map<std::string, SidecarLedger> ledgers_;
  std::unordered_map<std::string, std::optional<Failure>> folders_;
};

}  // namespace

std::vector<PlannedOutput> plan_outputs(std::span<const InputFile> inputs, const OutputPlace& place) {
  LPMC_REQUIRE(!place.extension.empty() && place.extension.find('/') == std::string::npos, invalid_argument,
               "output files: expected an extension such as txt, found '{}'", display_path(place.extension));
  Planner planner(inputs, place);
  std::vector<PlannedOutput> outputs;
  outputs.reserve(inputs.size());
  for (const InputFile& input : inputs)
    outputs.push_back(planner.plan(input));
  return outputs;
}

void write_output(const PlannedOutput& output, std::string_view text, const OutputPlace& place) {
  LPMC_REQUIRE(!output.failure && !output.skip, invalid_argument, "{}: not planned to be written",
               display_path(output.target));
  const fs::path folder = folder_of(output.target);
  if (place.folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail_errno(display_path(folder), error.value());
  }
  const FolderLock lock(folder);
  SidecarLedger ledger(folder);
  SidecarLedger::Entry entry{{content_hash(text)}, output.source};
  struct stat status {};
  if (::stat(output.target.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    if (!place.overwrite) {
      if (const auto failure = replacement_refusal(output, ledger))
        throw Error(failure->kind, failure->message);
    }
    // Until the new text is in place the old one stands there: if we are stopped in between, the
    // next run must not take its own file for somebody's work. What was not lpmc's stays so.
    const SidecarLedger::Entry* known = ledger.find(output.target.filename());
    const std::string present = known == nullptr ? std::string() : hash_of_file(output.target);
    if (known != nullptr && present != entry.hashes.front() &&
        std::find(known->hashes.begin(), known->hashes.end(), present) != known->hashes.end()) {
      entry.hashes.push_back(present);
    }
  }
  AtomicFile file(output.target);
  file.write(text);
  ledger.set(output.target.filename(), std::move(entry));
  ledger.save();
  file.commit();
}

std::optional<Failure> check_writable(const fs::path& folder) {
  fs::path existing = folder.empty() ? fs::path(".") : folder.lexically_normal();
  struct stat status {};
  while (::stat(existing.c_str(), &status) != 0) {
    if (errno != ENOENT) return errno_failure(existing, "cannot write into this folder: ", errno);
    if (existing == ".") return errno_failure(existing, "cannot write into this folder: ", ENOENT);
    const fs::path above =
        existing.has_filename() ? existing.parent_path() : existing.parent_path().parent_path();
    existing = above.empty() ? fs::path(".") : above;
  }
  if (!S_ISDIR(status.st_mode)) {
    return refusal(fmt::format("{}: expected a folder to write into, found a file", display_path(existing)));
  }
  static std::atomic<unsigned> counter{0};
  const fs::path probe = existing / fmt::format(".lpmc-{}-{}.probe", ::getpid(), counter.fetch_add(1));
  const int file = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno_failure(existing, "cannot write into this folder: ", errno);
  ::close(file);
  ::unlink(probe.c_str());
  return std::nullopt;
}

void check_output_file(const fs::path& target, std::span<const InputFile> inputs) {
  struct stat status {};
  const bool exists = ::stat(target.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) fail_errno(display_path(target), errno);
  for (const InputFile& input : inputs) {
    struct stat other {};
    const bool same = ::stat(input.file.c_str(), &other) == 0 && exists && other.st_dev == status.st_dev &&
                      other.st_ino == status.st_ino && S_ISREG(status.st_mode);
    LPMC_REQUIRE(!same, invalid_argument, "{}: the output would overwrite this input",
                 display_path(input.file));
  }
  if (exists && !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return;
  const AtomicFile probe(target);  // says what is wrong, and leaves nothing behind
}

bool names_folder(const fs::path& path) {
  std::error_code ignored;
  return !path.has_filename() || fs::is_directory(path, ignored);
}

}  // namespace lpmc
