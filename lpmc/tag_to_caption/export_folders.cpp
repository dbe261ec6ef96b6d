#include "lpmc/tag_to_caption/export_folders.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/export_buffer.h"
#include "lpmc/tag_to_caption/export_file_name.h"
#include "lpmc/tag_to_caption/export_rows.h"

namespace lpmc::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSplits = 100;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  LPMC_REQUIRE(!error && fs::is_directory(folder), io, "{}: expected to make a folder: {}",
               display_path(folder), error ? error.message() : "a file is there");
}

/// What a file holds; nothing where there is none.
std::optional<std::string> text_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// A small file, whole or not at all. Unlike AtomicFile it does not wait for the disk: with millions of files
/// that would take hours; export_tree() waits once for all.
void write_small_file(const fs::path& path, std::string_view text) {
  const fs::path temporary = path.parent_path() / fmt::format(".lpmc-{}.tmp", ::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) fail_errno(display_path(path), errno);
  int reason = 0;
  while (!text.empty() && reason == 0) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EINTR) reason = errno;
  }
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason == 0) return;
  ::unlink(temporary.c_str());
  fail_errno(display_path(path), reason);
}

/// Waits until the folder's file system has everything on disk.
void sync_file_system(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  const int result = ::syncfs(file);
  const int reason = errno;
  ::close(file);
  if (result != 0) fail_errno(display_path(folder), reason);
}

/// The data set's files, one a split, which exist once commit() was called.
class SplitFiles {
 public:
  explicit SplitFiles(fs::path output) : output_(std::move(output)) {}

  BufferedFile& of(const std::string& split) {
    const std::string name = hf_split_name(split);
    auto& file = files_[name];
    if (!file) {
      LPMC_REQUIRE(files_.size() <= kMaxSplits, invalid_argument,
                   "{}: expected at most {} splits, found more", display_path(output_), kMaxSplits);
      make_folder(output_ / name);
      file = std::make_unique<BufferedFile>(output_ / name / "metadata.jsonl");
    }
    return *file;
  }
  void commit() {
    for (auto& [name, file] : files_)
      file->commit();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, file] : files_)
      names.push_back(name);
    return names;
  }

 private:
  fs::path output_;
  std::map<std::string, std::unique_ptr<BufferedFile>> files_;
};

}  // namespace

ExportCounts export_tree(const StoredCaptions& source, const fs::path& output, const ExportOptions& options) {
  ExportCounts counts;
  const fs::path root = output / export_file_name(options.dataset.empty() ? "dataset" : options.dataset);
  make_folder(root);
  std::unordered_set<std::string> folders;
  std::string last_record;
  source([&](const StoredCaption& item) {
    if (item.state != JobState::done) {
      ++counts.left_out;
      return;
    }
    if (counts.captions == 0 || item.record.id != last_record) ++counts.records;
    last_record = item.record.id;
    ++counts.captions;
    const fs::path folder = root / export_file_name(item.prompt_id) /
                            export_file_name(item.record.split.empty() ? "all" : item.record.split);
    if (folders.insert(folder.string()).second) make_folder(folder);
    const fs::path path = folder / (export_file_name(item.record.id) + ".txt");
    const std::string text = tree_text(item.result);
    const std::optional<std::string> there = text_of_file(path);
    // An empty file is what the original leaves when it is interrupted.
    if (there == text) {
      ++counts.unchanged;
    } else if (there && !there->empty() && !options.overwrite) {
      ++counts.kept;
    } else {
      write_small_file(path, text);
    }
  });
  sync_file_system(root);
  return counts;
}

std::string hf_split_name(std::string_view split) {
  if (split.empty()) return "train";
  std::string name(split.substr(0, 100));
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

ExportCounts export_hf(const StoredCaptions& source, const fs::path& output, const ExportOptions& options,
                       std::span<const Prompt> prompts) {
  // Every line must have the same columns, so the tasks are counted before the first one is written.
  FigureBuilder builder;
  source([&](const StoredCaption& item) { builder.add(item); });
  RunFigures figures = builder.finish();
  std::vector<std::string> tasks;
  for (const TaskFigures& task : figures.tasks) {
    if (task.done > 0) tasks.push_back(task.prompt_id);
  }
  make_folder(output);
  SplitFiles files(output);
  std::uint64_t records = 0;
  ExportCounts counts = for_each_record(source, [&](const RecordCaptions& item) {
    if (item.captions.empty()) return;
    ++records;
    files.of(item.record.split).write(export_hf_row(item, tasks));
  });
  counts.records = records;
  files.commit();
  figures.records = records;  // the card speaks of what is in the folder
  write_file_atomically(output / "README.md", dataset_card(figures, files.names(), options, prompts));
  return counts;
}

}  // namespace lpmc::detail
