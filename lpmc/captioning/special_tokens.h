#pragma once

#include "lpmc/generation/options.h"
#include "lpmc/model/config.h"

namespace lpmc {

/// The special ids of a model, as the search wants them.
inline SpecialTokens special_tokens(const ModelConfig& config) {
  return {config.bos_token_id,           config.pad_token_id,        config.eos_token_id,
          config.decoder_start_token_id, config.forced_bos_token_id, config.forced_eos_token_id};
}

}  // namespace lpmc
