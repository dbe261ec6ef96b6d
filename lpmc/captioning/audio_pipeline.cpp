#include "lpmc/captioning/audio_pipeline.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "lpmc/audio/clips.h"
#include "lpmc/audio/decode.h"
#include "lpmc/base/bounded_queue.h"
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

}  // namespace

struct AudioPipeline::Impl {
  ModelConfig config;
  const LogMel& log_mel;
  CaptionOptions options;
  std::function<std::optional<AudioInput>()> next_file;
  BoundedQueue<AudioEvent> queue;
  std::stop_source stop_source;
  std::exception_ptr error;  // of next_file; written before the queue closes, read after it is empty
  std::jthread thread;

  Impl(const ModelConfig& model, const LogMel& mel, const CaptionOptions& caption_options, std::size_t ahead,
       std::function<std::optional<AudioInput>()> files)
      : config(model), log_mel(mel), options(caption_options), next_file(std::move(files)), queue(ahead) {}

  bool is_original() const { return options.compat == "original"; }

  void work() {
    try {
      std::uint64_t file = 0;
      while (const auto input = next_file()) {
        if (stop_source.stop_requested() || !process(file++, *input)) break;
      }
    } catch (...) {
      error = std::current_exception();
    }
    queue.close();
  }

  /// @return false when nobody wants more
  bool process(std::uint64_t file, const AudioInput& input) {
    const std::filesystem::path& path = input.path;
    FileEnd end;
    end.file = file;
    bool begun = false;
    try {
      if (!read_file(file, input, begun, end)) return false;
    } catch (const Error& failure) {
      if (failure.kind() == ErrorKind::cancelled) return false;
      end.failure = Failure{failure.kind(), failure.what()};
    } catch (const std::bad_alloc&) {
      end.failure = Failure{ErrorKind::io, display_path(path) + ": out of memory"};
    }
    if (!begun && !queue.push(FileBegin{file, path, 0})) return false;
    return queue.push(std::move(end));
  }

  bool read_file(std::uint64_t file, const AudioInput& input, bool& begun, FileEnd& end) {
    const std::filesystem::path& path = input.path;
    const double start_s = input.start_s.value_or(options.start_s);
    AudioReader reader(path, decode_options(config, options, start_s), stop_source.get_token());
    if (is_original()) require_original_size(path);
    double expected_s = std::max(0.0, reader.info().duration_s - start_s);
    if (options.duration_s > 0) expected_s = std::min(expected_s, options.duration_s);
    begun = true;
    if (!queue.push(FileBegin{file, path, expected_s})) return false;
    const ClipOptions cut = clip_options(config, options);
    ClipReader clips(reader, cut);
    Clip clip;
    std::uint64_t count = 0;
    while (clips.next(clip)) {
      if (is_original() && count > 0 && clip.valid_samples < config.segment_samples()) break;
      if (!queue.push(segment_of(file, count++, start_s, clip))) return false;
    }
    end.duration_s = static_cast<double>(clips.total_samples()) / config.mel.sample_rate;
    end.warnings.assign(reader.warnings().begin(), reader.warnings().end());
    LPMC_REQUIRE(count > 0, unsupported, "{}: too short: expected at least {} s of sound, found {:.3f} s",
                 display_path(path), cut.tail == Tail::drop ? cut.duration_s : cut.min_tail_s,
                 end.duration_s);
    return true;
  }

  FileSegment segment_of(std::uint64_t file, std::uint64_t index, double start_s, const Clip& clip) const {
    const double rate = config.mel.sample_rate;
    FileSegment segment;
    segment.file = file;
    segment.index = index;
    segment.start_s = start_s + static_cast<double>(clip.offset_samples) / rate;
    segment.end_s = segment.start_s + static_cast<double>(clip.valid_samples) / rate;
    segment.silent = clip.silent && !is_original();  // the original describes silence, too
    if (segment.silent) return segment;
    const ConstTensorView waveform = clip.waveform;
    const Tensor batch = log_mel.forward({waveform.bytes(), waveform.dtype(), {1, waveform.elements()}});
    segment.log_mel = Tensor::copy_of(batch.view()[0]);
    return segment;
  }

  static void require_original_size(const std::filesystem::path& path) {
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(path, ignored);
    LPMC_REQUIRE(ignored || size > kOriginalSmallestFile, unsupported,
                 "{}: Given audio is too short! (expected more than {} bytes, found {})", display_path(path),
                 kOriginalSmallestFile, size);
  }
};

AudioPipeline::AudioPipeline(const ModelConfig& config, const LogMel& log_mel, const CaptionOptions& options,
                             std::size_t ahead, std::function<std::optional<AudioInput>()> next_file)
    : impl_(std::make_unique<Impl>(config, log_mel, options, ahead, std::move(next_file))) {
  impl_->thread = std::jthread([impl = impl_.get()] { impl->work(); });
}

AudioPipeline::~AudioPipeline() {
  stop();
}

std::optional<AudioEvent> AudioPipeline::next() {
  std::optional<AudioEvent> event = impl_->queue.pop();
  if (!event && impl_->error) std::rethrow_exception(std::exchange(impl_->error, nullptr));
  return event;
}

void AudioPipeline::stop() {
  impl_->stop_source.request_stop();
  impl_->queue.close();
}

}  // namespace lpmc
