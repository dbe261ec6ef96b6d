#include "lpmc/captioning/audio_segmenter.h"

#include <algorithm>
#include <new>
#include <utility>

#include "lpmc/audio/clips.h"
#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// The original refuses files of up to this many bytes ("Given audio is too short!").
constexpr std::uintmax_t kOriginalSmallestFile = 8000;

DecodeOptions decode_options(const ModelConfig& config, const CaptionOptions& options, double start_s) {
  DecodeOptions decode;
  decode.sample_rate = config.mel.sample_rate;
  decode.start_s = start_s;
  if (options.duration_s > 0) decode.duration_s = options.duration_s;
  return decode;
}

ClipOptions clip_options(const ModelConfig& config, const CaptionOptions& options) {
  ClipOptions clips;
  clips.duration_s = config.duration_s;
  clips.hop_s = options.hop_s;
  clips.tail = options.tail == "drop" ? Tail::drop : Tail::pad;
  // The original pads a short file, however short, and drops every other tail (see read_file).
  if (options.compat == "original") clips.min_tail_s = 0;
  return clips;
}

void require_original_size(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  LPMC_REQUIRE(ignored || size > kOriginalSmallestFile, unsupported,
               "{}: Given audio is too short! (expected more than {} bytes, found {})", display_path(path),
               kOriginalSmallestFile, size);
}

}  // namespace

/// A file on its way.
struct AudioSegmenter::Reading {
  std::uint64_t file;
  const AudioInput& input;
  const Sink& sink;
  const std::stop_token& stop;
  bool begun = false;
  FileEnd end = {};
};

bool AudioSegmenter::process(std::uint64_t number, const AudioInput& input, const Sink& sink,
                             const std::stop_token& stop) const {
  Reading reading{number, input, sink, stop};
  reading.end.file = number;
  try {
    if (!read(reading)) return false;
  } catch (const Error& failure) {
    if (failure.kind() == ErrorKind::cancelled) return false;
    reading.end.failure = Failure{failure.kind(), failure.what()};
  } catch (const std::bad_alloc&) {
    reading.end.failure = Failure{ErrorKind::io, display_path(input.path) + ": out of memory"};
  }
  if (!reading.begun && !sink(FileBegin{number, input.path, 0})) return false;
  return sink(std::move(reading.end));
}

bool AudioSegmenter::read(Reading& reading) const {
  const std::filesystem::path& path = reading.input.path;
  const double start_s = reading.input.start_s.value_or(options_.start_s);
  AudioReader reader(path, decode_options(config_, options_, start_s), reading.stop);
  if (is_original()) require_original_size(path);
  double expected_s = std::max(0.0, reader.info().duration_s - start_s);
  if (options_.duration_s > 0) expected_s = std::min(expected_s, options_.duration_s);
  reading.begun = true;
  if (!reading.sink(FileBegin{reading.file, path, expected_s})) return false;
  const ClipOptions cut = clip_options(config_, options_);
  ClipReader clips(reader, cut);
  Clip clip;
  std::uint64_t count = 0;
  while (clips.next(clip)) {
    if (is_original() && count > 0 && clip.valid_samples < config_.segment_samples()) break;
    if (!reading.sink(segment_of(reading, count++, start_s, clip))) return false;
  }
  reading.end.duration_s = static_cast<double>(clips.total_samples()) / config_.mel.sample_rate;
  reading.end.warnings.assign(reader.warnings().begin(), reader.warnings().end());
  LPMC_REQUIRE(count > 0, unsupported, "{}: too short: expected at least {} s of sound, found {:.3f} s",
               display_path(path), cut.tail == Tail::drop ? cut.duration_s : cut.min_tail_s,
               reading.end.duration_s);
  return true;
}

FileSegment AudioSegmenter::segment_of(const Reading& reading, std::uint64_t index, double start_s,
                                       const Clip& clip) const {
  const double rate = config_.mel.sample_rate;
  FileSegment segment;
  segment.file = reading.file;
  segment.index = index;
  segment.start_s = start_s + static_cast<double>(clip.offset_samples) / rate;
  segment.end_s = segment.start_s + static_cast<double>(clip.valid_samples) / rate;
  segment.silent = clip.silent && !is_original();  // the original describes silence, too
  if (segment.silent) return segment;
  const ConstTensorView waveform = clip.waveform;
  const Tensor batch = log_mel_.forward({waveform.bytes(), waveform.dtype(), {1, waveform.elements()}});
  segment.log_mel = Tensor::copy_of(batch.view()[0]);
  return segment;
}

}  // namespace lpmc
