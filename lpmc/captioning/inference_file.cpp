#include "lpmc/captioning/inference_file.h"

#include <cerrno>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kSettingsKey = "lpmc_infer";

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The first setting that differs, as "beams: expected 5, found 1".
std::string difference(const json& ours, const json& theirs) {
  for (const auto& [key, value] : ours.items()) {
    const auto found = theirs.find(key);
    if (found == theirs.end()) return fmt::format("{}: expected {}, found nothing", key, dumped(value));
    if (*found != value) return fmt::format("{}: expected {}, found {}", key, dumped(value), dumped(*found));
  }
  return "it has settings of another version";
}

}  // namespace

fs::path InferenceFile::side_file(const fs::path& output) {
  fs::path side = output;
  side += ".partial.jsonl";
  return side;
}

InferenceFile::InferenceFile(fs::path output, const json& settings)
    : output_(std::move(output)), side_(side_file(output_)) {
  std::error_code ignored;
  LPMC_REQUIRE(!fs::is_directory(output_, ignored), invalid_argument, "{}: expected a file, found a folder",
               display_path(output_));
  if (fs::exists(side_, ignored)) take_over(settings);
  const bool is_new = !fs::exists(side_, ignored) || fs::file_size(side_, ignored) == 0;
  errno = 0;
  stream_.open(side_, std::ios::binary | std::ios::app);
  if (!stream_) fail_errno(display_path(side_), errno != 0 ? errno : EIO);
  if (is_new) write_line({{kSettingsKey, settings}});
}

void InferenceFile::take_over(const json& settings) {
  std::size_t whole = 0;  // bytes up to the end of the last whole line
  {
    const MappedFile old(side_);
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(old.bytes().data())),
                                old.bytes().size());
    std::size_t number = 0;
    while (true) {
      const std::size_t end = text.find('\n', whole);
      if (end == std::string_view::npos) break;  // a kill may have cut the last line
      take_line(text.substr(whole, end - whole), ++number, settings);
      whole = end + 1;
    }
  }
  std::error_code error;
  fs::resize_file(side_, whole, error);
  if (error) fail_errno(display_path(side_), error.value());
}

void InferenceFile::take_line(std::string_view line, std::size_t number, const json& settings) {
  const json entry = json::parse(line, nullptr, false);
  if (number == 1) {
    LPMC_REQUIRE(entry.is_object() && entry.contains(kSettingsKey), corrupt,
                 "{}: line 1: expected the settings of a run of `lpmc infer`, found something else; remove "
                 "the file to begin anew",
                 display_path(side_));
    LPMC_REQUIRE(
        entry.at(kSettingsKey) == settings, invalid_argument,
        "{}: expected an unfinished run with the same settings, found another: {}; remove the file to "
        "begin anew",
        display_path(side_), difference(settings, entry.at(kSettingsKey)));
    return;
  }
  const auto text_of = [&](const char* key) -> const std::string& {
    LPMC_REQUIRE(
        entry.is_object() && entry.contains(key) && entry.at(key).is_string(), corrupt,
        "{}: line {}: expected an object with \"{}\", found something else; remove the file to begin "
        "anew",
        display_path(side_), number, key);
    return entry.at(key).get_ref<const std::string&>();
  };
  predictions_[text_of("audio_id")] = text_of("predictions");
}

void InferenceFile::write_line(const json& line) {
  stream_ << dumped(line) << '\n' << std::flush;
  LPMC_REQUIRE(stream_, io, "{}: cannot be written; is the disk full?", display_path(side_));
}

void InferenceFile::add(std::string_view audio_id, std::string_view prediction) {
  write_line({{"audio_id", audio_id}, {"predictions", prediction}});
  predictions_.emplace(audio_id, prediction);
}

void InferenceFile::finish(std::vector<InferredClip> clips, bool is_complete) {
  AtomicFile out(output_);
  std::size_t count = 0;
  for (InferredClip& clip : clips) {
    const auto found = predictions_.find(clip.audio_id);
    if (found == predictions_.end()) continue;
    json entry = {{"predictions", found->second},
                  {"true_captions", std::move(clip.true_caption)},
                  {"audio_id", std::move(clip.audio_id)}};
    if (!clip.audio.empty()) entry["audio"] = std::move(clip.audio);
    out.write(fmt::format("{}\n  \"{}\": {}", count == 0 ? "{" : ",", count, dumped(entry)));
    ++count;
  }
  out.write(count == 0 ? "{}\n" : "\n}\n");
  out.commit();
  if (!is_complete) return;
  stream_.close();
  std::error_code ignored;
  fs::remove(side_, ignored);
}

}  // namespace lpmc
