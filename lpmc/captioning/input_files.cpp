#include "lpmc/captioning/input_files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <fstream>
#include <iostream>
#include <set>
#include <system_error>
#include <unordered_set>
#include <utility>

#include <sys/stat.h>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMediaExtensions[] = {
    // audio
    "aac", "ac3", "aif", "aifc", "aiff", "alac", "amr", "ape", "au", "caf", "dsf", "dts", "eac3", "flac",
    "m4a", "m4b", "mka", "mp2", "mp3", "mpc", "oga", "ogg", "opus", "snd", "spx", "tta", "w64", "wav", "wave",
    "weba", "wma", "wv",
    // video
    "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "vob", "webm",
    "wmv"};

Failure failure_of(const fs::path& path, const std::error_code& error) {
  const bool absent = error.value() == ENOENT || error.value() == ENOTDIR;
  return {absent ? ErrorKind::not_found : ErrorKind::io, display_path(path) + ": " + error.message()};
}

/// The name without "/" at the front and without ".." that lead out of an output folder.
fs::path below_any_root(const fs::path& path) {
  fs::path below;
  for (const fs::path& part : path.lexically_normal().relative_path()) {
    if (part != "..") below /= part;
  }
  return below;
}

/// Collects inputs, each name once.
class Expansion {
 public:
  explicit Expansion(bool recursive) : recursive_(recursive) {}

  void add_named(const fs::path& path, const fs::path& relative) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      add({path, relative, failure_of(path, {errno, std::generic_category()})});
    } else if (!S_ISDIR(status.st_mode)) {
      add({path, relative, std::nullopt});
    } else if (!recursive_) {
      add({path, relative,
           Failure{ErrorKind::invalid_argument,
                   display_path(path) + ": is a folder; --recursive captions what is in it"}});
    } else {
      add_tree(path);
    }
  }

  std::vector<InputFile> take() && { return std::move(inputs_); }

 private:
  using FolderId = std::pair<dev_t, ino_t>;

  void add(InputFile input) {
    if (seen_.insert(input.file.lexically_normal().native()).second) inputs_.push_back(std::move(input));
  }

  void add_tree(const fs::path& root) {
    std::set<FolderId> entered;
    found_ = 0;
    add_folder(root, {}, entered);
    if (found_ > 0) return;
    add({root,
         {},
         Failure{ErrorKind::not_found, display_path(root) + ": no audio or video file in this folder"}});
  }

  /// A folder and what is below it. `entered` stops loops of links, and keeps crossing links from
  /// multiplying the tree.
  void add_folder(const fs::path& folder, const fs::path& relative, std::set<FolderId>& entered) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0 || !entered.insert({status.st_dev, status.st_ino}).second)
      return;
    std::error_code error;
    std::vector<fs::path> names;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const fs::path name = entry->path().filename();
      if (!name.native().starts_with('.')) names.push_back(name);
    }
    if (error) fail_found({folder, relative, failure_of(folder, error)});
    std::sort(names.begin(), names.end(),
              [](const auto& a, const auto& b) { return a.native() < b.native(); });
    for (const fs::path& name : names)
      add_entry(folder / name, relative / name, entered);
  }

  void add_entry(const fs::path& path, const fs::path& relative, std::set<FolderId>& entered) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      const std::error_code error(errno, std::generic_category());
      if (has_media_extension(path)) fail_found({path, relative, failure_of(path, error)});
    } else if (S_ISDIR(status.st_mode)) {
      add_folder(path, relative, entered);
    } else if (S_ISREG(status.st_mode) && has_media_extension(path)) {
      ++found_;
      add({path, relative, std::nullopt});
    }
  }

  void fail_found(InputFile input) {
    ++found_;
    add(std::move(input));
  }

  bool recursive_;
  std::size_t found_ = 0;  // in the tree being walked
  std::vector<InputFile> inputs_;
  std::unordered_set<std::string> seen_;
};

std::vector<fs::path> read_list_file(const fs::path& path, bool nul_separated) {
  if (path == "-") return read_file_list(std::cin, nul_separated, "standard input");
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  LPMC_REQUIRE(!is_folder, invalid_argument, "{}: expected a list of files, found a folder",
               display_path(path));
  errno = 0;
  std::ifstream list(path, std::ios::binary);
  if (!list) fail_errno(display_path(path), errno != 0 ? errno : EIO);
  return read_file_list(list, nul_separated, display_path(path));
}

std::vector<InputFile> take_shard(std::vector<InputFile> inputs, const Shard& shard) {
  LPMC_REQUIRE(shard.count >= 1 && shard.index >= 1 && shard.index <= shard.count, invalid_argument,
               "shard: expected I/N with 1 <= I <= N, found {}/{}", shard.index, shard.count);
  const auto count = static_cast<std::size_t>(shard.count);
  std::vector<InputFile> part;
  for (auto i = static_cast<std::size_t>(shard.index) - 1; i < inputs.size(); i += count) {
    part.push_back(std::move(inputs[i]));
  }
  return part;
}

}  // namespace

Shard parse_shard(std::string_view text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, shard.index);
  bool good = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  if (good) {
    const auto count = std::from_chars(index.ptr + 1, end, shard.count);
    good = count.ec == std::errc() && count.ptr == end && shard.index >= 1 && shard.index <= shard.count;
  }
  LPMC_REQUIRE(good, invalid_argument, "shard: expected I/N with 1 <= I <= N, such as 2/8, found '{}'",
               display_path(text));
  return shard;
}

bool has_media_extension(const fs::path& file) {
  std::string extension = file.extension().native();
  if (extension.size() < 2) return false;
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(std::begin(kMediaExtensions), std::end(kMediaExtensions), extension.substr(1)) !=
         std::end(kMediaExtensions);
}

std::vector<fs::path> read_file_list(std::istream& list, bool nul_separated, std::string_view list_name) {
  const char separator = nul_separated ? '\0' : '\n';
  std::vector<fs::path> files;
  std::string name;
  std::size_t number = 1;
  const auto end_name = [&] {
    if (!nul_separated && name.ends_with('\r')) name.pop_back();
    if (!name.empty()) files.emplace_back(name);
    name.clear();
    ++number;
  };
  for (char c = 0; list.get(c);) {
    if (c == separator) {
      end_name();
      continue;
    }
    LPMC_REQUIRE(c != '\0', invalid_argument,
                 "{}: line {}: expected a file name, found a NUL byte; -0 reads names that end with NUL",
                 list_name, number);
    LPMC_REQUIRE(name.size() < PATH_MAX, invalid_argument,
                 "{}: name {}: expected a file name, found more than {} bytes without {}", list_name, number,
                 PATH_MAX, nul_separated ? "a NUL byte" : "a line end");
    name += c;
  }
  LPMC_REQUIRE(!list.bad(), io, "{}: cannot read the list of files", list_name);
  end_name();
  return files;
}

std::vector<InputFile> expand_inputs(std::span<const fs::path> named, const InputOptions& options) {
  Expansion expansion(options.recursive);
  for (const fs::path& path : named)
    expansion.add_named(path, path.filename());
  if (options.files_from) {
    for (const fs::path& path : read_list_file(*options.files_from, options.nul_separated)) {
      expansion.add_named(path, below_any_root(path));
    }
  }
  std::vector<InputFile> inputs = std::move(expansion).take();
  return options.shard ? take_shard(std::move(inputs), *options.shard) : inputs;
}

}  // namespace lpmc
