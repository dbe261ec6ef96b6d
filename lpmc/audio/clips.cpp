#include "lpmc/audio/clips.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

constexpr double kMaxSegment_s = 3600;
constexpr double kMaxHop_s = 1e6;

std::int64_t samples_of(double seconds, int sample_rate) {
  return std::llround(seconds * sample_rate);
}

/// Fills in peak, rms and silent.
void measure(Clip& clip) {
  const std::span<const float> samples =
      clip.waveform.values<float>().first(static_cast<std::size_t>(clip.valid_samples));
  float low = samples.front(), high = samples.front();
  double squares = 0;
  for (const float x : samples) {
    low = std::min(low, x);
    high = std::max(high, x);
    squares += static_cast<double>(x) * static_cast<double>(x);
  }
  clip.peak = std::max(std::abs(low), std::abs(high));
  clip.rms = static_cast<float>(std::sqrt(squares / static_cast<double>(samples.size())));
  clip.silent = (high - low) / 2 < kSilenceHalfHeight;
}

}  // namespace

ClipReader::ClipReader(Read read, int sample_rate, const ClipOptions& options)
    : read_(std::move(read)), tail_(options.tail) {
  const double hop_s = options.hop_s == 0 ? options.duration_s : options.hop_s;
  LPMC_REQUIRE(sample_rate > 0, invalid_argument, "clips: sample rate: expected over 0 Hz, found {}",
               sample_rate);
  LPMC_REQUIRE(options.duration_s > 0 && options.duration_s <= kMaxSegment_s, invalid_argument,
               "clips: duration: expected over 0 and up to {} s, found {}", kMaxSegment_s,
               options.duration_s);
  LPMC_REQUIRE(hop_s > 0 && hop_s <= kMaxHop_s, invalid_argument,
               "clips: hop: expected over 0 and up to {} s (0: the duration), found {}", kMaxHop_s,
               options.hop_s);
  LPMC_REQUIRE(options.min_tail_s >= 0 && options.min_tail_s <= kMaxHop_s, invalid_argument,
               "clips: min_tail: expected 0 to {} s, found {}", kMaxHop_s, options.min_tail_s);
  segment_ = samples_of(options.duration_s, sample_rate);
  hop_ = samples_of(hop_s, sample_rate);
  min_tail_ = samples_of(options.min_tail_s, sample_rate);
  LPMC_REQUIRE(segment_ >= 1 && hop_ >= 1, invalid_argument,
               "clips: duration and hop: expected at least one sample at {} Hz, found {} s and {} s",
               sample_rate, options.duration_s, hop_s);
}

ClipReader::ClipReader(AudioReader& reader, const ClipOptions& options)
    : ClipReader([&reader](std::span<float> out) { return reader.read(out); }, reader.options().sample_rate,
                 options) {}

std::size_t ClipReader::read(std::span<float> out) {
  if (ended_) return 0;
  const std::size_t count = read_(out);
  total_ += static_cast<std::int64_t>(count);
  ended_ = count < out.size();
  return count;
}

/// Reads samples that belong to no clip. @return false at the end
bool ClipReader::skip(std::int64_t samples) {
  std::array<float, 4096> unused;
  while (samples > 0 && !ended_) {
    const auto piece = std::min(static_cast<std::size_t>(samples), unused.size());
    samples -= static_cast<std::int64_t>(read({unused.data(), piece}));
  }
  return !ended_;
}

bool ClipReader::next(Clip& clip) {
  if (ended_) return false;
  if (next_index_ > 0 && hop_ > segment_ && !skip(hop_ - segment_)) return false;
  const auto shared = static_cast<std::int64_t>(overlap_.size());
  if (clip.waveform.dtype() != DType::f32 || !(clip.waveform.shape() == Shape{segment_}) ||
      clip.waveform.view().is_null()) {  // a tensor that was moved away keeps its shape
    clip.waveform = Tensor(Shape{segment_});
  }
  const std::span<float> samples = clip.waveform.mutable_values<float>();
  std::copy(overlap_.begin(), overlap_.end(), samples.begin());
  const auto fresh = static_cast<std::int64_t>(read(samples.subspan(static_cast<std::size_t>(shared))));
  const std::int64_t valid = shared + fresh;
  if (fresh == 0) return false;
  if (valid < segment_ && (tail_ == Tail::drop || valid < min_tail_)) return false;
  std::fill(samples.begin() + valid, samples.end(), 0.0F);
  clip.index = next_index_;
  clip.offset_samples = next_index_ * hop_;
  clip.valid_samples = valid;
  measure(clip);
  ++next_index_;
  if (hop_ < segment_) overlap_.assign(samples.begin() + hop_, samples.end());
  return true;
}

}  // namespace lpmc
