#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "lpmc/audio/clips.h"
#include "lpmc/audio/decode.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"
#include "lpmc/model/model_dir.h"

#include "tests/golden/whole_network.h"

namespace lpmc::test {

/// The first clips of a file, [clips, samples].
inline Tensor first_clips(const std::filesystem::path& file, const ModelConfig& config, std::int64_t clips) {
  AudioReader reader(file, {.sample_rate = config.mel.sample_rate});
  ClipReader cut(reader, {.duration_s = config.duration_s});
  Tensor waveforms = Tensor::zeros({clips, config.segment_samples()});
  Clip clip;
  for (std::int64_t i = 0; i < clips && cut.next(clip); ++i) {
    const auto samples = clip.waveform.values<float>();
    std::copy(samples.begin(), samples.end(), waveforms.mutable_view()[i].mutable_values<float>().begin());
  }
  return waveforms;
}

/// The greedy caption that float32 finds for each waveform, `length` tokens long.
inline std::vector<std::vector<std::int32_t>> greedy_texts(const Model& model, ConstTensorView waveforms,
                                                           int length) {
  const WholeNetwork network(model);
  GenerationOptions options;
  options.num_beams = 1;
  options.min_length = options.max_length = length;
  std::vector<std::vector<std::int32_t>> texts;
  for (const auto& hypotheses :
       network.search(network.encode(waveforms), options, special_tokens(model.config)))
    texts.push_back(hypotheses.at(0).tokens);
  return texts;
}

/// Logits of the whole network in one arithmetic while `texts` (of equal length) are forced on it, one
/// [texts, vocab] tensor a position.
inline std::vector<Tensor> teacher_forced_logits(const Model& model, DType arithmetic,
                                                 ConstTensorView waveforms,
                                                 const std::vector<std::vector<std::int32_t>>& texts) {
  const ModelWeights& weights = model.weights.weights;
  const LogMel log_mel(model.config.mel, weights.mel_window, weights.mel_filterbank);
  const AudioEncoder audio_encoder(model.config, weights, arithmetic);
  const BartEncoder encoder(model.config, weights, arithmetic);
  const BartDecoder decoder(model.config, weights, arithmetic);
  KvCache cache;
  decoder.add_segments(cache, encoder.forward(audio_encoder.forward(log_mel.forward(waveforms))));
  std::vector<std::int32_t> parents, tokens(texts.size());
  for (std::size_t row = 0; row < texts.size(); ++row)
    parents.push_back(static_cast<std::int32_t>(row));
  std::vector<Tensor> logits;
  for (std::size_t position = 0; position < texts.at(0).size(); ++position) {
    for (std::size_t row = 0; row < texts.size(); ++row)
      tokens[row] = texts[row].at(position);
    logits.push_back(Tensor::copy_of(decoder.step(cache, parents, tokens)));
  }
  return logits;
}

inline double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

struct Cosines {
  double lowest = 1;
  double mean = 0;
};

/// Over all positions and texts.
inline Cosines compare_logits(const std::vector<Tensor>& found, const std::vector<Tensor>& expected) {
  Cosines cosines;
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t position = 0; position < expected.size(); ++position) {
    for (std::int64_t row = 0; row < expected[position].size(0); ++row, ++count) {
      const double c = cosine(found.at(position).view()[row].values<float>(),
                              expected[position].view()[row].values<float>());
      cosines.lowest = std::min(cosines.lowest, c);
      sum += c;
    }
  }
  cosines.mean = sum / static_cast<double>(count);
  return cosines;
}

}  // namespace lpmc::test
