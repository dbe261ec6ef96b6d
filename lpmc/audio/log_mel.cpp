#include "lpmc/audio/log_mel.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <mutex>
#include <numbers>
#include <vector>

extern "C" {
#include <libavutil/mem.h>
#include <libavutil/tx.h>
}

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"

namespace lpmc {
namespace {

/// Frames of one block: the unit of work of a thread, and the width of the tile in which mel values
/// wait to be written as rows.
constexpr std::int64_t kBlockFrames = 64;

constexpr float kPowerFloor = 1e-10F;

/// Upper bounds far beyond any use; they keep every size computed below inside 31 bits.
constexpr int kMinFft = 16;
constexpr int kMaxFft = 1 << 16;
constexpr int kMaxMels = 1 << 14;
constexpr int kMaxRate = 10'000'000;

void check(const MelConfig& config) {
  LPMC_REQUIRE(config.sample_rate >= 1 && config.sample_rate <= kMaxRate, invalid_argument,
               "mel: sample_rate: expected 1 to {}, found {}", kMaxRate, config.sample_rate);
  LPMC_REQUIRE(config.n_fft >= kMinFft && config.n_fft <= kMaxFft &&
                   std::has_single_bit(static_cast<unsigned>(config.n_fft)),
               invalid_argument, "mel: n_fft: expected a power of two from {} to {}, found {}", kMinFft,
               kMaxFft, config.n_fft);
  LPMC_REQUIRE(config.hop_length >= 1, invalid_argument, "mel: hop_length: expected at least 1, found {}",
               config.hop_length);
  LPMC_REQUIRE(config.n_mels >= 1 && config.n_mels <= kMaxMels, invalid_argument,
               "mel: n_mels: expected 1 to {}, found {}", kMaxMels, config.n_mels);
  LPMC_REQUIRE(config.f_min >= 0 && config.f_min < config.f_max && config.f_max <= config.sample_rate / 2.0,
               invalid_argument,
               "mel: expected 0 <= f_min < f_max <= {} (half the sample rate), found {} and {}",
               config.sample_rate / 2.0, config.f_min, config.f_max);
}

// Sums and products of two floats, each rounded to float once whatever the compiler would fuse:
// double holds a product exactly, and rounding a double sum again cannot change it.
float product(float a, float b) {
  return static_cast<float>(static_cast<double>(a) * static_cast<double>(b));
}
float sum(float a, float b) {
  return static_cast<float>(static_cast<double>(a) + static_cast<double>(b));
}

/// torch.linspace in float32, bit for bit as its AVX2 kernel computes it: eight values at a time,
/// each block counted from its own first value, and that one from the nearer end.
std::vector<float> linspace(float start, float end, std::int64_t steps) {
  constexpr std::int64_t kLanes = 8;
  const float step = sum(end, -start) / static_cast<float>(steps - 1);
  std::vector<float> values(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps;) {
    const float base = i < steps / 2 ? sum(start, product(step, static_cast<float>(i)))
                                     : sum(end, -product(step, static_cast<float>(steps - i - 1)));
    const std::int64_t lanes = i + kLanes <= steps ? kLanes : 1;
    for (std::int64_t lane = 0; lane < lanes; ++lane, ++i) {
      values[static_cast<std::size_t>(i)] = sum(base, product(step, static_cast<float>(lane)));
    }
  }
  return values;
}

double hz_to_mel(double hz) {
  return 2595.0 * std::log10(1.0 + hz / 700.0);
}

float mel_to_hz(float mel) {
  const float exponent = mel / 2595.0F;
  return product(700.0F, sum(static_cast<float>(std::pow(10.0, static_cast<double>(exponent))), -1.0F));
}

/// libavutil's real FFT with its buffers, in double: bands 100 dB under the loudest one are real parts
/// that float32 would drown in rounding, and the decibels make them count. A context keeps scratch memory, so
/// one serves one thread.
class RealFft {
 public:
  explicit RealFft(int size)
      : input_(Shape{size}, DType::f64),
        output_(Shape{size + 2 + static_cast<std::int64_t>(Tensor::kAlignment)}, DType::f64) {
    const double scale = 1.0;
    AVTXContext* context = nullptr;
    const int status = av_tx_init(&context, &function_, AV_TX_DOUBLE_RDFT, 0, size, &scale, 0);
    context_.reset(context);
    LPMC_REQUIRE(status >= 0, unsupported, "mel: libavutil has no real FFT of size {}", size);
  }

  double* input() { return input_.mutable_data<double>(); }
  /// size / 2 + 1 pairs (real, imaginary).
  const double* transform() {
    function_(context_.get(), output_.mutable_data<double>(), input_.mutable_data<double>(), sizeof(double));
    return output_.data<double>();
  }

 private:
  struct Free {
    void operator()(AVTXContext* context) const noexcept { av_tx_uninit(&context); }
  };
  std::unique_ptr<AVTXContext, Free> context_;
  av_tx_fn function_ = nullptr;
  Tensor input_;
  Tensor output_;
};

/// What a thread needs for one block.
struct Workspace {
  explicit Workspace(const MelConfig& config)
      : fft(config.n_fft),
        powers(static_cast<std::size_t>(config.n_fft / 2 + 1)),
        tile(static_cast<std::size_t>(config.n_mels * kBlockFrames)) {}
  RealFft fft;
  std::vector<double> powers;
  std::vector<float> tile;  // [n_mels, kBlockFrames]
};

/// Workspaces not in use; there are never more than threads that ran forward() at once.
class WorkspacePool {
 public:
  explicit WorkspacePool(const MelConfig& config) : config_(config) {}

  class Lease {
   public:
    Lease(WorkspacePool& pool, std::unique_ptr<Workspace> workspace)
        : pool_(pool), workspace_(std::move(workspace)) {}
    ~Lease() { pool_.give_back(std::move(workspace_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Workspace& operator*() const { return *workspace_; }

   private:
    WorkspacePool& pool_;
    std::unique_ptr<Workspace> workspace_;
  };

  Lease take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<Workspace> workspace = std::move(free_.back());
        free_.pop_back();
        return {*this, std::move(workspace)};
      }
      ++made_;
      free_.reserve(made_);  // so that giving back cannot throw
    }
    return {*this, std::make_unique<Workspace>(config_)};
  }

 private:
  void give_back(std::unique_ptr<Workspace> workspace) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

  MelConfig config_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
  std::size_t made_ = 0;
};

/// The bins between a filter's first and last non-zero weight.
struct Band {
  std::size_t first_bin;
  std::size_t first_weight;
  std::size_t bins;
};

}  // namespace

Tensor hann_window(const MelConfig& config) {
  check(config);
  Tensor window{Shape{config.n_fft}};
  // The argument is rounded to float32 before the cosine, as torch does; the cosine itself is
  // correctly rounded here and within one unit in the last place there.
  const float step = static_cast<float>(2.0 * std::numbers::pi / config.n_fft);
  std::span<float> values = window.mutable_values<float>();
  for (std::size_t n = 0; n < values.size(); ++n) {
    const float angle = product(static_cast<float>(n), step);
    const auto cosine = static_cast<float>(std::cos(static_cast<double>(angle)));
    values[n] = sum(product(cosine, -0.5F), 0.5F);
  }
  return window;
}

Tensor mel_filterbank(const MelConfig& config) {
  check(config);
  const std::int64_t bins = config.n_fft / 2 + 1;
  const auto mels = static_cast<std::size_t>(config.n_mels);
  // The whole-number half, as in torchaudio: sample_rate // 2.
  const std::vector<float> frequencies = linspace(0.0F, static_cast<float>(config.sample_rate / 2), bins);
  std::vector<float> points = linspace(static_cast<float>(hz_to_mel(config.f_min)),
                                       static_cast<float>(hz_to_mel(config.f_max)), config.n_mels + 2);
  std::transform(points.begin(), points.end(), points.begin(), mel_to_hz);

  Tensor filterbank{Shape{bins, config.n_mels}};
  float* out = filterbank.mutable_data<float>();
  for (const float frequency : frequencies) {
    for (std::size_t m = 0; m < mels; ++m) {
      const float rising = -sum(points[m], -frequency) / sum(points[m + 1], -points[m]);
      const float falling = sum(points[m + 2], -frequency) / sum(points[m + 2], -points[m + 1]);
      *out++ = std::max(std::min(rising, falling), 0.0F);
    }
  }
  return filterbank;
}

struct LogMel::Impl {
  Impl(const MelConfig& mel_config, ConstTensorView window_view, ConstTensorView filterbank)
      : config(mel_config), pool(mel_config) {
    check(config);
    const std::int64_t bins = config.n_fft / 2 + 1;
    LPMC_REQUIRE(window_view.shape() == Shape{config.n_fft}, invalid_argument,
                 "mel window: expected [{}], found {}", config.n_fft, to_string(window_view.shape()));
    LPMC_REQUIRE((filterbank.shape() == Shape{bins, config.n_mels}), invalid_argument,
                 "mel filter bank: expected [{}, {}], found {}", bins, config.n_mels,
                 to_string(filterbank.shape()));
    window = Tensor::copy_of(window_view);
    window.values<float>();  // checks the element type
    pack(filterbank.data<float>(), static_cast<std::size_t>(bins));
  }

  /// Keeps of every filter only the part that is not zero: 1012 of 65664 weights.
  void pack(const float* filterbank, std::size_t bins) {
    const auto mels = static_cast<std::size_t>(config.n_mels);
    for (std::size_t m = 0; m < mels; ++m) {
      const auto weight = [&](std::size_t bin) { return filterbank[bin * mels + m]; };
      std::size_t first = 0, last = bins;
      while (first < last && weight(first) == 0.0F)
        ++first;
      while (last > first && weight(last - 1) == 0.0F)
        --last;
      bands.push_back({first, weights.size(), last - first});
      for (std::size_t bin = first; bin < last; ++bin)
        weights.push_back(weight(bin));
    }
  }

  void fill_frame(std::span<const float> waveform, std::int64_t frame, double* out) const;
  void compute_frame(Workspace& work, std::span<const float> waveform, std::int64_t frame,
                     float* column) const;
  void compute_block(std::span<const float> waveform, std::int64_t first, std::int64_t count, float* out,
                     std::int64_t frames) const;

  MelConfig config;
  Tensor window;
  std::vector<Band> bands;
  std::vector<float> weights;
  mutable WorkspacePool pool;
};

/// The windowed samples of a frame; past the ends the waveform is mirrored, its edge sample not
/// repeated.
void LogMel::Impl::fill_frame(std::span<const float> waveform, std::int64_t frame, double* out) const {
  const std::int64_t size = config.n_fft;
  const auto samples = static_cast<std::int64_t>(waveform.size());
  const std::int64_t start = frame * config.hop_length - size / 2;
  const float* const w = window.data<float>();
  if (start >= 0 && start + size <= samples) {
    const float* const x = waveform.data() + start;
    for (std::int64_t n = 0; n < size; ++n)
      out[n] = static_cast<double>(x[n]) * static_cast<double>(w[n]);
    return;
  }
  for (std::int64_t n = 0; n < size; ++n) {
    std::int64_t i = start + n;
    if (i < 0) i = -i;
    if (i >= samples) i = 2 * (samples - 1) - i;
    out[n] = static_cast<double>(waveform[static_cast<std::size_t>(i)]) * static_cast<double>(w[n]);
  }
}

/// Mel powers of one frame into column[m * kBlockFrames].
void LogMel::Impl::compute_frame(Workspace& work, std::span<const float> waveform, std::int64_t frame,
                                 float* column) const {
  fill_frame(waveform, frame, work.fft.input());
  const double* const spectrum = work.fft.transform();
  double* const powers = work.powers.data();
  for (std::size_t k = 0; k < work.powers.size(); ++k) {
    const double real = spectrum[2 * k];  // the imaginary part is left out on purpose
    powers[k] = real * real;
  }
  for (std::size_t m = 0; m < bands.size(); ++m) {
    const double* const p = powers + bands[m].first_bin;
    const float* const f = weights.data() + bands[m].first_weight;
    double mel = 0.0;
    for (std::size_t i = 0; i < bands[m].bins; ++i)
      mel += p[i] * static_cast<double>(f[i]);
    column[m * kBlockFrames] = static_cast<float>(mel);
  }
}

void LogMel::Impl::compute_block(std::span<const float> waveform, std::int64_t first, std::int64_t count,
                                 float* out, std::int64_t frames) const {
  const WorkspacePool::Lease lease = pool.take();
  Workspace& work = *lease;
  for (std::int64_t f = 0; f < count; ++f)
    compute_frame(work, waveform, first + f, work.tile.data() + f);
  for (std::int64_t m = 0; m < config.n_mels; ++m) {
    const float* const row = work.tile.data() + m * kBlockFrames;
    float* const target = out + m * frames + first;
    for (std::int64_t f = 0; f < count; ++f)
      target[f] = 10.0F * std::log10(std::max(row[f], kPowerFloor));
  }
}

LogMel::LogMel(const MelConfig& config)
    : impl_(std::make_unique<Impl>(config, hann_window(config), mel_filterbank(config))) {}
LogMel::LogMel(const MelConfig& config, ConstTensorView window, ConstTensorView filterbank)
    : impl_(std::make_unique<Impl>(config, window, filterbank)) {}
LogMel::~LogMel() = default;
LogMel::LogMel(LogMel&&) noexcept = default;
LogMel& LogMel::operator=(LogMel&&) noexcept = default;

const MelConfig& LogMel::config() const {
  return impl_->config;
}

Tensor LogMel::forward(ConstTensorView waveform) const {
  const MelConfig& config = impl_->config;
  LPMC_REQUIRE(waveform.shape().rank() == 2, invalid_argument,
               "mel: waveform: expected [batch, samples], found {}", to_string(waveform.shape()));
  const std::int64_t batch = waveform.size(0);
  const std::int64_t samples = waveform.size(1);
  LPMC_REQUIRE(samples > config.n_fft / 2, invalid_argument,
               "mel: waveform: expected more than {} samples, found {}", config.n_fft / 2, samples);
  const std::span<const float> values = waveform.values<float>();
  const std::int64_t frames = num_frames(samples, config);
  const std::int64_t blocks = (frames + kBlockFrames - 1) / kBlockFrames;
  Tensor mel{Shape{batch, config.n_mels, frames}};
  float* const out = mel.mutable_data<float>();
  parallel_for(batch * blocks, [&](std::int64_t index) {
    const std::int64_t row = index / blocks;
    const std::int64_t first = index % blocks * kBlockFrames;
    impl_->compute_block(
        values.subspan(static_cast<std::size_t>(row * samples), static_cast<std::size_t>(samples)), first,
        std::min(kBlockFrames, frames - first), out + row * config.n_mels * frames, frames);
  });
  return mel;
}

}  // namespace lpmc
