#include "lpmc/captioning/generation_config.h"

#include <map>
#include <string>

#include "lpmc/base/fields.h"

namespace lpmc {
namespace {

/// Options whose key in transformers' files is not our flag's name.
const std::map<std::string, std::string>& transformers_keys() {
  static const std::map<std::string, std::string> keys = {{"no_repeat_ngram", "no_repeat_ngram_size"},
                                                          {"sample", "do_sample"},
                                                          {"n_best", "num_return_sequences"}};
  return keys;
}

}  // namespace

GenerationOptions generation_options_from_json(const nlohmann::json& config, std::string_view where) {
  nlohmann::json ours = config;
  for (const auto& [key, theirs] : transformers_keys()) {
    const auto found = config.find(theirs);
    if (found != config.end()) ours[key] = *found;
  }
  GenerationOptions options;
  options_from_json(options, ours, where);
  return options;
}

nlohmann::json generation_options_to_json(const GenerationOptions& options) {
  nlohmann::json out = options_to_json(options);
  for (const auto& [key, theirs] : transformers_keys()) {
    out[theirs] = out[key];
    out.erase(key);
  }
  out.erase("seed");
  return out;
}

}  // namespace lpmc
