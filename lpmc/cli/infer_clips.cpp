#include "lpmc/cli/infer_clips.h"

#include <algorithm>
#include <random>
#include <utility>

#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/tag_record.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;

/// In [0, 1); the same for a clip whatever else is captioned.
double random_share(std::int64_t seed, const std::string& id) {
  std::vector<std::uint32_t> material(id.begin(), id.end());
  material.push_back(static_cast<std::uint32_t>(seed));
  material.push_back(static_cast<std::uint32_t>(static_cast<std::uint64_t>(seed) >> 32));
  std::seed_seq sequence(material.begin(), material.end());
  std::mt19937_64 random(sequence);
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

void log_counts(const ClipSelection& selection, const RecordCounts& counts, std::size_t without_caption) {
  const std::string where = display_path(selection.manifest);
  const auto warn = [&](std::uint64_t count, const char* what) {
    if (count > 0) log(LogLevel::warning, "{}: {} {}", where, count, what);
  };
  warn(counts.duplicate_ids, "clips left out: their id stands before");
  warn(counts.without_split, "clips left out: they are in no list of the split file");
  warn(counts.missing_ids, "clips of the split file are not there");
  warn(without_caption, "clips have no caption: there is nothing to hold their predictions against");
}

}  // namespace

std::vector<InferredClip> read_clips(const ClipSelection& selection) {
  RecordSource source;
  source.input = selection.manifest;
  source.needs_tags = false;
  if (!selection.split.empty()) source.splits = {selection.split};
  if (!selection.split_file.empty()) source.split_file = selection.split_file;
  const fs::path folder = selection.audio_dir.empty() ? fs::path(selection.manifest).parent_path()
                                                      : fs::path(selection.audio_dir);
  std::vector<InferredClip> clips;
  std::size_t without_caption = 0;
  const RecordCounts counts = read_tag_records(source, [&](TagRecord&& record) {
    InferredClip clip;
    clip.audio_id = std::move(record.id);
    clip.true_caption = std::move(record.caption);
    if (!record.audio.empty()) clip.audio = (folder / record.audio).string();
    if (clip.true_caption.empty()) ++without_caption;
    clips.push_back(std::move(clip));
  });
  LPMC_REQUIRE(!clips.empty(), invalid_argument, "{}: expected clips{}, found none ({} of other splits)",
               display_path(selection.manifest),
               selection.split.empty() ? "" : fmt::format(" of the split '{}'", selection.split),
               counts.other_splits);
  log_counts(selection, counts, without_caption);
  return clips;
}

AudioInput Crop::input(const InferredClip& clip) const {
  if (!is_random) return AudioInput(clip.audio);
  try {
    const double room_s = AudioReader(clip.audio).info().duration_s - segment_s;
    return {clip.audio, std::max(0.0, room_s) * random_share(seed, clip.audio_id)};
  } catch (const Error&) {
    return AudioInput(clip.audio);  // its failure is reported when it is captioned
  }
}

}  // namespace lpmc::cli
