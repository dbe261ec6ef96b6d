#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lpmc/inference/stages.h"
#include "lpmc/model/roberta.h"

namespace lpmc {

/// RoBERTa's encoder: token ids in, the output of its highest loaded layer out. Weights are packed at
/// construction; the model given may go away.
/// Source: transformers 4.26.1 modeling_roberta.py RobertaModel in evaluation mode.
class RobertaEncoder {
 public:
  /// @param arithmetic of the matrix products: f32, bf16 or i8 (ops/linear.h)
  explicit RobertaEncoder(const RobertaModel& model, DType arithmetic = DType::f32);
  ~RobertaEncoder();
  RobertaEncoder(RobertaEncoder&&) noexcept;
  RobertaEncoder& operator=(RobertaEncoder&&) noexcept;

  std::int64_t width() const;
  /// Tokens of the longest sequence, <s> and </s> included.
  std::int64_t max_tokens() const;

  /// Sequences of any lengths go through together, without padding: what comes out for one does not depend
  /// on the others. Kept on purpose: a <pad> inside a sequence gets the position of padding, and counts for
  /// no position of those after it.
  /// @param sequences token ids, 1 to max_tokens() each
  /// @return [sum of lengths, width] float32, one sequence after the other
  /// @throws Error(invalid_argument) for another length or an id outside the vocabulary
  Tensor forward(std::span<const std::vector<std::int32_t>> sequences, const StageFn& on_stage = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
