#include "lpmc/tag_to_caption/import_tree.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include <sys/stat.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/export_file_name.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sub_folders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->path().filename().string().starts_with("."))
      found.push_back(it->path());
  }
  LPMC_REQUIRE(!error, io, "{}: {}", display_path(folder), error.message());
  std::sort(found.begin(), found.end());
  return found;
}

bool is_caption_file(const fs::path& path) {
  return path.extension() == ".txt" && !path.filename().string().starts_with(".lpmc-");
}

bool holds_captions(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (is_caption_file(it->path())) return true;
  }
  return false;
}

/// Whether {folder}/{prompt}/{split} holds captions for some prompt and split.
bool is_dataset(const fs::path& folder) {
  for (const fs::path& prompt : sub_folders(folder)) {
    const auto splits = sub_folders(prompt);
    if (std::any_of(splits.begin(), splits.end(), holds_captions)) return true;
  }
  return false;
}

fs::path dataset_folder(const fs::path& root, std::string_view dataset) {
  LPMC_REQUIRE(fs::exists(root), not_found, "{}: no such folder", display_path(root));
  LPMC_REQUIRE(fs::is_directory(root), invalid_argument, "{}: expected a folder, found a file",
               display_path(root));
  if (!dataset.empty() && is_dataset(root / export_file_name(dataset)))
    return root / export_file_name(dataset);
  if (is_dataset(root)) return root;
  std::vector<fs::path> found;
  for (const fs::path& folder : sub_folders(root)) {
    if (is_dataset(folder)) found.push_back(folder);
  }
  LPMC_REQUIRE(!found.empty(), not_found,
               "{}: expected captions as {{prompt}}/{{split}}/{{id}}.txt, found none", display_path(root));
  LPMC_REQUIRE(found.size() == 1, invalid_argument, "{}: expected one data set, found {} and {}; name one",
               display_path(root), display_path(found[0].filename()), display_path(found[1].filename()));
  return found.front();
}

/// Blanks, line ends and byte order mark off both ends.
std::string trimmed(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// The file's text; "" where there is none.
std::string read_caption(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    LPMC_REQUIRE(errno == ENOENT || errno == ENAMETOOLONG, io, "{}: cannot be read", display_path(path));
    return {};
  }
  LPMC_REQUIRE(
      S_ISREG(status.st_mode) && static_cast<std::size_t>(status.st_size) <= CaptionTree::kMaxFileBytes,
      corrupt, "{}: expected a text file of at most 1 MiB, found something else", display_path(path));
  std::ifstream in(path, std::ios::binary);
  LPMC_REQUIRE(in.good(), io, "{}: cannot be read", display_path(path));
  return trimmed(replace_invalid_utf8(std::string(std::istreambuf_iterator<char>(in), {})));
}

}  // namespace

CaptionTree::CaptionTree(const fs::path& root, std::string_view dataset) {
  for (const fs::path& prompt : sub_folders(dataset_folder(root, dataset))) {
    folders_.push_back({prompt.filename().string(), sub_folders(prompt)});
  }
}

std::vector<std::string> CaptionTree::prompts() const {
  std::vector<std::string> names;
  for (const PromptFolder& folder : folders_)
    names.push_back(folder.prompt);
  return names;
}

std::vector<fs::path> CaptionTree::split_folders(std::string_view prompt_id) const {
  const std::string name = export_file_name(prompt_id);
  for (const PromptFolder& folder : folders_) {
    if (folder.prompt == name) return folder.splits;
  }
  return {};
}

std::optional<std::string> CaptionTree::find(std::string_view prompt_id, std::string_view record_id) const {
  std::vector<std::string> names = {export_file_name(record_id) + ".txt"};
  // The original takes the id as it is.
  const bool one_name =
      record_id.find('/') == std::string_view::npos && record_id.find('\0') == std::string_view::npos;
  if (std::string name = std::string(record_id) + ".txt"; one_name && name != names[0]) {
    names.push_back(std::move(name));
  }
  for (const fs::path& folder : split_folders(prompt_id)) {
    for (const std::string& name : names) {
      std::string text = read_caption(folder / name);
      if (!text.empty()) return text;
    }
  }
  return std::nullopt;
}

std::uint64_t CaptionTree::count_files(std::string_view prompt_id) const {
  std::uint64_t count = 0;
  for (const fs::path& folder : split_folders(prompt_id)) {
    for (const auto& entry : fs::directory_iterator(folder))
      count += is_caption_file(entry.path()) ? 1 : 0;
  }
  return count;
}

}  // namespace lpmc
