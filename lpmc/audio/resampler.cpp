#include "lpmc/audio/resampler.h"

#include <algorithm>
#include <numeric>

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
#include <libswresample/swresample.h>
}

#include "lpmc/audio/av_log.h"
#include "lpmc/base/error.h"

namespace lpmc::detail {
namespace {

/// Most output samples of one call: a frame of 96 samples at 1 Hz would otherwise ask for much.
constexpr std::int64_t kMaxOutput = 1 << 17;

struct FreeSwr {
  void operator()(SwrContext* context) const noexcept { swr_free(&context); }
};
using SwrHandle = std::unique_ptr<SwrContext, FreeSwr>;

void check_status(int status, const AVFrame& frame, int output_rate) {
  LPMC_REQUIRE(status >= 0, unsupported, "cannot convert {} channels at {} Hz to mono at {} Hz: {}",
               frame.ch_layout.nb_channels, frame.sample_rate, output_rate, av_error_text(status));
}

SwrHandle allocate(const AVFrame& frame, int output_rate) {
  AVChannelLayout mono{};
  av_channel_layout_default(&mono, 1);
  // FFmpeg before 6.1 asks for a layout that is not const; it only copies it.
  auto* const layout = const_cast<AVChannelLayout*>(&frame.ch_layout);
  SwrContext* context = nullptr;
  const int status =
      swr_alloc_set_opts2(&context, &mono, AV_SAMPLE_FMT_S16, output_rate, layout,
                          static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
  SwrHandle handle(context);
  check_status(status, frame, output_rate);
  return handle;
}

SwrHandle open(const AVFrame& frame, int output_rate) {
  SwrHandle handle = allocate(frame, output_rate);
  int status = swr_init(handle.get());
  if (status < 0) {
    // Channels without known places: no downmix is defined, so take their mean.
    handle = allocate(frame, output_rate);
    const int channels = frame.ch_layout.nb_channels;
    const std::vector<double> mean(static_cast<std::size_t>(channels), 1.0 / channels);
    status = swr_set_matrix(handle.get(), mean.data(), channels);
    if (status >= 0) status = swr_init(handle.get());
  }
  check_status(status, frame, output_rate);
  return handle;
}

}  // namespace

struct Resampler::Stream {
  Stream(const AVFrame& frame, int output_rate)
      : swr(open(frame, output_rate)), format(frame.format), sample_rate(frame.sample_rate) {
    LPMC_REQUIRE(av_channel_layout_copy(&layout, &frame.ch_layout) >= 0, unsupported,
                 "cannot keep a layout of {} channels", frame.ch_layout.nb_channels);
  }
  ~Stream() { av_channel_layout_uninit(&layout); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool fits(const AVFrame& frame) const {
    return frame.format == format && frame.sample_rate == sample_rate &&
           av_channel_layout_compare(&frame.ch_layout, &layout) == 0;
  }

  /// One call of swr_convert, its output appended. @return samples appended
  int run(const std::uint8_t** input, int samples, std::vector<std::int16_t>& out) {
    const int room = std::max(swr_get_out_samples(swr.get(), samples), 4096);
    const std::size_t before = out.size();
    out.resize(before + static_cast<std::size_t>(room));
    auto* target = reinterpret_cast<std::uint8_t*>(out.data() + before);
    const int written = swr_convert(swr.get(), &target, room, input, samples);
    LPMC_REQUIRE(written >= 0, unsupported, "cannot resample from {} Hz: {}", sample_rate,
                 av_error_text(written));
    out.resize(before + static_cast<std::size_t>(written));
    return written;
  }

  SwrHandle swr;
  int format;
  int sample_rate;
  AVChannelLayout layout{};
};

Resampler::Resampler(int output_rate) : output_rate_(output_rate) {}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::convert(const AVFrame& frame, std::int64_t first, std::vector<std::int16_t>& out) {
  if (stream_ && !stream_->fits(frame)) flush(out);
  if (!stream_) stream_ = std::make_unique<Stream>(frame, output_rate_);
  const auto format = static_cast<AVSampleFormat>(frame.format);
  const int channels = frame.ch_layout.nb_channels;
  const bool planar = av_sample_fmt_is_planar(format) != 0;
  const std::int64_t stride = av_get_bytes_per_sample(format) * (planar ? 1 : channels);
  const std::int64_t slice = std::max<std::int64_t>(1, kMaxOutput * frame.sample_rate / output_rate_);
  std::vector<const std::uint8_t*> planes(static_cast<std::size_t>(planar ? channels : 1));
  while (first < frame.nb_samples) {
    const std::int64_t count = std::min(slice, frame.nb_samples - first);
    for (std::size_t i = 0; i < planes.size(); ++i)
      planes[i] = frame.extended_data[i] + first * stride;
    stream_->run(planes.data(), static_cast<int>(count), out);
    first += count;
  }
}

void Resampler::flush(std::vector<std::int16_t>& out) {
  if (!stream_) return;
  while (stream_->run(nullptr, 0, out) > 0) {
  }
  stream_.reset();
}

std::int64_t Resampler::grid(int input_rate, int output_rate) {
  return input_rate / std::gcd(input_rate, output_rate);
}

}  // namespace lpmc::detail
