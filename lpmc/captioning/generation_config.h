#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "lpmc/generation/options.h"

namespace lpmc {

/// LP-MusicCaps' defaults, overwritten by what a generation_config.json names (transformers' keys:
/// num_beams, max_length, no_repeat_ngram_size, do_sample, num_return_sequences, ...).
/// @throws Error(invalid_argument) naming the key with the wrong type
GenerationOptions generation_options_from_json(const nlohmann::json& config, std::string_view where);

/// The options under transformers' keys.
nlohmann::json generation_options_to_json(const GenerationOptions& options);

}  // namespace lpmc
