#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lpmc/audio/log_mel.h"
#include "lpmc/model/config.h"
#include "lpmc/tensor/tensor.h"
#include "lpmc/text/bpe_tokenizer.h"
#include "lpmc/training/augment.h"
#include "lpmc/training/clip_source.h"

namespace lpmc {

/// One sample of a run: its number, from which all that is random about it follows, and its clip.
struct SampleRef {
  std::uint64_t number = 0;
  std::size_t item = 0;
};

/// What the module takes in one pass.
struct TrainBatch {
  Tensor log_mel;                       ///< [clips, n_mels, frames] float32
  std::vector<std::int64_t> input_ids;  ///< [clips, length] row-major, `<s> w1 .. wn </s>`, then padding
  std::int64_t length = 0;              ///< of the longest caption
  std::int64_t tokens = 0;              ///< that count in the loss: all but padding
  int cut_captions = 0;                 ///< longer than max_length
  std::string cut_id;                   ///< a clip with such a caption
  std::vector<std::string> ids;         ///< of the clips

  std::int64_t clips() const { return static_cast<std::int64_t>(ids.size()); }
};

struct BatchMakerOptions {
  int max_length = 128;
  std::uint64_t seed = 0;
  AugmentOptions augment;
};

/// Sound and words of samples as tensors. What it makes is a function of the samples alone. Safe from
/// several threads; source and tokenizer must outlive it.
class BatchMaker {
 public:
  BatchMaker(const ClipSource& source, const BpeTokenizer& tokenizer, const ModelConfig& config,
             const BatchMakerOptions& options);
  /// @throws Error naming the clip
  TrainBatch make(std::span<const SampleRef> samples) const;

 private:
  std::vector<std::int32_t> encode(const std::string& caption, int& cut) const;

  const ClipSource& source_;
  const BpeTokenizer& tokenizer_;
  ModelConfig config_;
  BatchMakerOptions options_;
  LogMel log_mel_;
};

}  // namespace lpmc
