#include "lpmc/dataset/audio_finder.h"

#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/audio_folder.h"

namespace lpmc {

namespace fs = std::filesystem;

AudioFinder::AudioFinder(fs::path root, std::string pattern,
                         const std::function<bool(const fs::path&)>& is_audio)
    : root_(std::move(root)), pattern_(std::move(pattern)) {
  if (!pattern_.empty()) {
    fill_audio_pattern(pattern_, {});  // an unknown name is told now
    LPMC_REQUIRE(fs::is_directory(root_), not_found, "{}: no such folder", display_path(root_));
    return;
  }
  for_each_file(root_, [&](const fs::path& file) {
    if (is_audio(file)) by_stem_.emplace(file.stem().string(), file);
  });
}

fs::path AudioFinder::find(const ManifestRecord& record) const {
  std::error_code ignored;
  if (pattern_.empty()) return by_name(record);
  const fs::path file = root_ / fill_audio_pattern(pattern_, record);
  return fs::is_regular_file(file, ignored) ? file : fs::path();
}

fs::path AudioFinder::by_name(const ManifestRecord& record) const {
  std::error_code ignored;
  if (!record.audio.empty()) {
    const fs::path file = root_ / record.audio;
    if (fs::is_regular_file(file, ignored)) return file;
    const fs::path array = fs::path(file).replace_extension(".npy");
    if (fs::is_regular_file(array, ignored)) return array;
  }
  for (const std::string& name : {record.id, track_of(record)}) {
    const auto found = by_stem_.find(name);
    if (found != by_stem_.end()) return root_ / found->second;
  }
  return {};
}

std::string fill_audio_pattern(std::string_view pattern, const ManifestRecord& record) {
  std::string text;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', open);
    const std::string_view name =
        close == std::string_view::npos ? pattern.substr(open) : pattern.substr(open + 1, close - open - 1);
    const fs::path audio = record.audio;
    if (name == "id") {
      text += record.id;
    } else if (name == "path") {
      text += record.audio;
    } else if (name == "stem") {
      text += (audio.parent_path() / audio.stem()).string();
    } else if (name == "track") {
      text += track_of(record);
    } else {
      fail(ErrorKind::invalid_argument,
           "audio pattern: expected {{id}}, {{path}}, {{stem}} or {{track}}, found '{}'", display_path(name));
    }
    pattern.remove_prefix(close + 1);
  }
  return text;
}

std::string manifest_audio(const fs::path& audio, const fs::path& manifest_folder) {
  const fs::path whole = fs::absolute(audio).lexically_normal();
  const fs::path folder = manifest_folder.empty() ? fs::path(".") : manifest_folder;
  const fs::path relative = whole.lexically_relative(fs::absolute(folder).lexically_normal());
  const bool is_below = !relative.empty() && *relative.begin() != "..";
  return is_below || (audio.is_relative() && !relative.empty()) ? relative.string() : whole.string();
}

}  // namespace lpmc
