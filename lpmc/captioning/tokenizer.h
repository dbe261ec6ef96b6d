#pragma once

#include <optional>

#include "lpmc/model/model_dir.h"
#include "lpmc/text/bpe_tokenizer.h"

namespace lpmc {

/// The tokenizer of a model, held against the model's vocabulary size and special tokens.
/// @return nothing when the model has no vocab.json and merges.txt
/// @throws Error(corrupt) naming the file when it does not fit the model
std::optional<BpeTokenizer> open_tokenizer(const ModelFiles& files, const ModelConfig& config);

}  // namespace lpmc
