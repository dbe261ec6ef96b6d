#include "lpmc/training/batch_maker.h"

#include <algorithm>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

/// Streams of one sample's random numbers.
constexpr std::uint64_t kCropAndCaption = 1;
constexpr std::uint64_t kAugmentation = 2;

}  // namespace

BatchMaker::BatchMaker(const ClipSource& source, const BpeTokenizer& tokenizer, const ModelConfig& config,
                       const BatchMakerOptions& options)
    : source_(source), tokenizer_(tokenizer), config_(config), options_(options), log_mel_(config.mel) {
  LPMC_REQUIRE(options.max_length <= config.max_position_embeddings, invalid_argument,
               "--max-length: expected at most the model's {} positions, found {}",
               config.max_position_embeddings, options.max_length);
}

/// As the original's tokenizer with truncation: <s> and </s> stay.
std::vector<std::int32_t> BatchMaker::encode(const std::string& caption, int& cut) const {
  std::vector<std::int32_t> ids = tokenizer_.encode(caption);
  const auto longest = static_cast<std::size_t>(options_.max_length);
  if (ids.size() > longest) {
    ids[longest - 1] = ids.back();
    ids.resize(longest);
    ++cut;
  }
  return ids;
}

TrainBatch BatchMaker::make(std::span<const SampleRef> samples) const {
  TrainBatch batch;
  const std::int64_t clips = static_cast<std::int64_t>(samples.size());
  Tensor waveforms({clips, config_.segment_samples()});
  std::vector<std::vector<std::int32_t>> texts;
  std::vector<CounterRandom> randoms;
  for (std::int64_t i = 0; i < clips; ++i) {
    const SampleRef& sample = samples[static_cast<std::size_t>(i)];
    const std::span<float> waveform = waveforms.mutable_view()[i].mutable_values<float>();
    CounterRandom random(options_.seed, sample.number, kCropAndCaption);
    const int cut_before = batch.cut_captions;
    texts.push_back(encode(source_.read(sample.item, random, waveform), batch.cut_captions));
    if (batch.cut_captions > cut_before) batch.cut_id = source_.id(sample.item);
    CounterRandom& changes = randoms.emplace_back(CounterRandom(options_.seed, sample.number, kAugmentation));
    augment_waveform(waveform, options_.augment, changes);
    batch.ids.push_back(source_.id(sample.item));
    batch.tokens +=
        std::ranges::count_if(texts.back(), [&](std::int32_t id) { return id != config_.pad_token_id; });
    batch.length = std::max(batch.length, static_cast<std::int64_t>(texts.back().size()));
  }
  batch.log_mel = log_mel_.forward(waveforms);
  for (std::int64_t i = 0; i < clips; ++i) {
    augment_log_mel(batch.log_mel.mutable_view()[i], options_.augment, randoms[static_cast<std::size_t>(i)]);
  }
  batch.input_ids.assign(static_cast<std::size_t>(clips * batch.length), config_.pad_token_id);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::ranges::copy(texts[i], batch.input_ids.begin() + static_cast<std::int64_t>(i) * batch.length);
  }
  return batch;
}

}  // namespace lpmc
