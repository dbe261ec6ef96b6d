#include "lpmc/audio/decode.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
}

#include "lpmc/audio/audio_stream.h"
#include "lpmc/audio/resampler.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// Starts before this are reached by decoding everything before them.
constexpr double kSeekFrom_s = 60.0;
/// A seek aims this much before the start, so that decoders with memory (overlap, bit reservoir, spectral
/// band replication) have settled and the resampler's filter is full.
constexpr double kPreroll_s = 5.0;
/// A seek that lands later than this before the start is not used.
constexpr double kMinPreroll_s = 1.0;

/// How much shorter than declared the sound may be without a warning: encoders count their own
/// padding in, at most 0.12 s (SBR at low rates).
constexpr double kMissing_s = 0.25;

constexpr double kMaxTime_s = 1e10;  // its samples still fit 63 bits
constexpr int kMinRate = 1000, kMaxRate = 768'000;

void check(const DecodeOptions& options) {
  LPMC_REQUIRE(options.sample_rate >= kMinRate && options.sample_rate <= kMaxRate, invalid_argument,
               "sample_rate: expected {} to {} Hz, found {}", kMinRate, kMaxRate, options.sample_rate);
  LPMC_REQUIRE(options.start_s >= 0 && options.start_s <= kMaxTime_s, invalid_argument,
               "start: expected seconds, at least 0, found {}", options.start_s);
  LPMC_REQUIRE(options.duration_s > 0, invalid_argument, "duration: expected seconds over 0, found {}",
               options.duration_s);
}

template <class T>
std::int64_t zero_non_finite(std::uint8_t* data, std::int64_t count) {
  T* const values = reinterpret_cast<T*>(data);
  std::int64_t replaced = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) continue;
    values[i] = T{0};
    ++replaced;
  }
  return replaced;
}

template <class T>
bool all_finite(const std::uint8_t* data, std::int64_t count) {
  const T* const values = reinterpret_cast<const T*>(data);
  return std::all_of(values, values + count, [](T value) { return std::isfinite(value); });
}

/// Replaces NaN and infinity by 0. @return how many there were
std::int64_t clean(AVFrame& frame) {
  const auto format = static_cast<AVSampleFormat>(frame.format);
  const AVSampleFormat packed = av_get_packed_sample_fmt(format);
  if (packed != AV_SAMPLE_FMT_FLT && packed != AV_SAMPLE_FMT_DBL) return 0;
  const bool planar = av_sample_fmt_is_planar(format) != 0;
  const bool is_float = packed == AV_SAMPLE_FMT_FLT;
  const int planes = planar ? frame.ch_layout.nb_channels : 1;
  const std::int64_t count =
      static_cast<std::int64_t>(frame.nb_samples) * (planar ? 1 : frame.ch_layout.nb_channels);
  bool finite = true;
  for (int i = 0; i < planes; ++i) {
    finite = finite && (is_float ? all_finite<float>(frame.extended_data[i], count)
                                 : all_finite<double>(frame.extended_data[i], count));
  }
  if (finite) return 0;
  if (av_frame_make_writable(&frame) < 0) throw std::bad_alloc();  // the decoder may keep it for later frames
  std::int64_t replaced = 0;
  for (int i = 0; i < planes; ++i) {
    replaced += is_float ? zero_non_finite<float>(frame.extended_data[i], count)
                         : zero_non_finite<double>(frame.extended_data[i], count);
  }
  return replaced;
}

std::string plural(std::int64_t count, const char* thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

}  // namespace

struct AudioReader::Impl {
  Impl(const std::filesystem::path& file, const DecodeOptions& wanted, std::stop_token stop)
      : path(file), options(wanted), stop_token(std::move(stop)), resampler(wanted.sample_rate) {
    check(options);
    first_wanted = std::llround(options.start_s * options.sample_rate);
    const double end_s = options.start_s + options.duration_s;
    if (end_s < kMaxTime_s) end_wanted = std::llround(end_s * options.sample_rate);
    open();
    if (options.start_s >= kSeekFrom_s && stream->seeks_exactly() && !seek()) open();
  }

  void open();
  bool seek();
  void convert(AVFrame& current, std::int64_t from);
  void refill();
  void finish();
  void cut();

  std::filesystem::path path;
  DecodeOptions options;
  std::stop_token stop_token;
  std::optional<detail::AudioStream> stream;
  detail::Resampler resampler;
  AVFrame* first_frame = nullptr;  // decoded, not yet converted
  std::int64_t skip_input = 0;     // samples of it in front of the resampler's grid
  std::vector<std::int16_t> pending;
  std::size_t pending_from = 0;
  // Places in the output of the whole decode.
  std::int64_t first_wanted = 0;
  std::int64_t end_wanted = std::numeric_limits<std::int64_t>::max();
  std::int64_t converted = 0;  // where pending ends
  std::int64_t delivered = 0;
  std::int64_t replaced = 0;
  bool done = false;
  std::vector<std::string> warnings;
};

void AudioReader::Impl::open() {
  stream.reset();
  stream.emplace(path, stop_token);
  first_frame = stream->next();
  skip_input = 0;
  converted = 0;
  if (first_frame != nullptr) return;
  const detail::StreamDamage& damage = stream->damage();
  fail(ErrorKind::corrupt, "{}: no sound could be decoded ({}, {}{}{})", display_path(path),
       stream->info().codec, plural(damage.bad_packets, "damaged place"),
       damage.stopped_by.empty() ? "" : ", ", damage.stopped_by);
}

/// Goes near the start. The resampler begins on its grid, so that its output falls on the same
/// instants as in the whole decode. @return false when the file has to be opened again
bool AudioReader::Impl::seek() {
  const int rate = stream->info().sample_rate;
  const double before = std::floor((options.start_s - kPreroll_s) * rate);
  if (!stream->seek(static_cast<std::int64_t>(before))) return false;
  first_frame = stream->next();
  if (first_frame == nullptr || first_frame->sample_rate != rate) return false;
  const std::int64_t landed = stream->frame_start();
  if (landed < 0 || static_cast<double>(landed) > (options.start_s - kMinPreroll_s) * rate) return false;
  const std::int64_t grid = detail::Resampler::grid(rate, options.sample_rate);
  const std::int64_t begin = (landed + grid - 1) / grid * grid;
  skip_input = begin - landed;
  converted = begin / grid * (static_cast<std::int64_t>(options.sample_rate) * grid / rate);
  return true;
}

/// Appends the frame's samples to `pending`, from `from` on.
void AudioReader::Impl::convert(AVFrame& current, std::int64_t from) {
  replaced += clean(current);
  const std::size_t before = pending.size();
  try {
    resampler.convert(current, from, pending);
  } catch (const Error& error) {
    throw Error(error.kind(), display_path(path) + ": " + error.what());
  }
  converted += static_cast<std::int64_t>(pending.size() - before);
}

/// Decodes until there is something to give out, or the end.
void AudioReader::Impl::refill() {
  pending.clear();
  pending_from = 0;
  while (!done && pending_from == pending.size()) {
    pending.clear();
    pending_from = 0;
    LPMC_REQUIRE(!stop_token.stop_requested(), cancelled, "{}: cancelled", display_path(path));
    AVFrame* const current = first_frame != nullptr ? std::exchange(first_frame, nullptr) : stream->next();
    if (current != nullptr) {
      // Frames in front of the grid, after a seek, are decoded only to warm the decoder up.
      const std::int64_t skip = std::min<std::int64_t>(skip_input, current->nb_samples);
      skip_input -= skip;
      if (skip < current->nb_samples) convert(*current, skip);
    } else {
      resampler.flush(pending);
      converted += static_cast<std::int64_t>(pending.size());
      done = true;
    }
    cut();
    if (done) finish();
  }
}

/// Leaves in `pending` only what is wanted.
void AudioReader::Impl::cut() {
  const auto size = static_cast<std::int64_t>(pending.size());
  const std::int64_t from = converted - size;
  if (converted >= end_wanted) {
    pending.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(end_wanted - from, 0, size)));
    done = true;
  }
  pending_from = static_cast<std::size_t>(
      std::clamp<std::int64_t>(first_wanted - from, 0, static_cast<std::int64_t>(pending.size())));
}

void AudioReader::Impl::finish() {
  LPMC_REQUIRE(converted > first_wanted || first_wanted == 0, invalid_argument,
               "{}: start: expected before the end of the sound at {:.3f} s, found {:.3f} s",
               display_path(path), static_cast<double>(converted) / options.sample_rate, options.start_s);
  const detail::StreamDamage& damage = stream->damage();
  const bool to_the_end = converted < end_wanted;
  if (damage.bad_packets > 0) {
    warnings.push_back(
        fmt::format("damaged: {} could not be decoded whole", plural(damage.bad_packets, "place")));
  }
  if (damage.gaps > 0)
    warnings.push_back(fmt::format("time stamps jump: {} in the sound", plural(damage.gaps, "gap")));
  if (replaced > 0)
    warnings.push_back(fmt::format("{} NaN or infinite: taken as 0", plural(replaced, "sample")));
  if (!damage.stopped_by.empty()) {
    warnings.push_back(fmt::format("reading stopped before the end of the file: {}", damage.stopped_by));
  }
  const double found_s = static_cast<double>(converted) / options.sample_rate;
  const double declared_s = stream->declared_s();
  if (to_the_end && declared_s > found_s + kMissing_s) {
    warnings.push_back(fmt::format(
        "incomplete: the file declares {:.2f} s of sound, {:.2f} s could be decoded", declared_s, found_s));
  }
}

AudioReader::AudioReader(const std::filesystem::path& path, const DecodeOptions& options,
                         std::stop_token stop)
    : impl_(std::make_unique<Impl>(path, options, std::move(stop))) {}
AudioReader::~AudioReader() = default;
AudioReader::AudioReader(AudioReader&&) noexcept = default;
AudioReader& AudioReader::operator=(AudioReader&&) noexcept = default;

const std::filesystem::path& AudioReader::path() const {
  return impl_->path;
}
const DecodeOptions& AudioReader::options() const {
  return impl_->options;
}
const AudioInfo& AudioReader::info() const {
  return impl_->stream->info();
}
std::span<const std::string> AudioReader::warnings() const {
  return impl_->warnings;
}

std::size_t AudioReader::read(std::span<float> out) {
  Impl& impl = *impl_;
  std::size_t filled = 0;
  while (filled < out.size()) {
    if (impl.pending_from == impl.pending.size()) {
      if (impl.done) break;
      impl.refill();
      continue;
    }
    const std::size_t count = std::min(out.size() - filled, impl.pending.size() - impl.pending_from);
    const std::int16_t* const from = impl.pending.data() + impl.pending_from;
    std::transform(from, from + count, out.data() + filled,
                   [](std::int16_t sample) { return static_cast<float>(sample) / 32768.0F; });
    impl.pending_from += count;
    filled += count;
  }
  return filled;
}

Tensor decode_all(const std::filesystem::path& path, const DecodeOptions& options, std::int64_t max_samples) {
  LPMC_REQUIRE(max_samples >= 0, invalid_argument, "max_samples: expected at least 0, found {}", max_samples);
  constexpr std::size_t kPiece = 1 << 16;
  AudioReader reader(path, options);
  std::vector<float> samples;
  for (;;) {
    const std::size_t before = samples.size();
    samples.resize(before + kPiece);
    const std::size_t count = reader.read({samples.data() + before, kPiece});
    samples.resize(before + count);
    LPMC_REQUIRE(static_cast<std::int64_t>(samples.size()) <= max_samples, unsupported,
                 "{}: expected at most {} samples, found more", display_path(path), max_samples);
    if (count < kPiece) break;
  }
  Tensor waveform{Shape{static_cast<std::int64_t>(samples.size())}};
  std::copy(samples.begin(), samples.end(), waveform.mutable_data<float>());
  return waveform;
}

}  // namespace lpmc
