#include "lpmc/captioning/verify_model.h"

#include "lpmc/base/utf8.h"
#include "lpmc/captioning/generation_config.h"
#include "lpmc/captioning/special_tokens.h"
#include "lpmc/captioning/tokenizer.h"
#include "lpmc/generation/generate.h"

namespace lpmc {

std::vector<std::string> verify_model(const ModelFiles& files) {
  std::vector<std::string> passed;
  const Model model = open_model(files);
  passed.push_back(files.config ? fmt::format("configuration: {}", display_path(*files.config))
                                : std::string("configuration: none, the published size fits"));
  passed.push_back(fmt::format("tensors: {} in {}, names, shapes and types as the configuration says",
                               model.weights.store.files.front().tensors().size(),
                               display_path(files.weights)));
  model.weights.store.files.front().verify_checksums();
  passed.emplace_back("checksums: equal where the file format has them");
  check_finite(model.config, model.weights);
  passed.push_back(fmt::format("weights: {} parameters, all finite", count_parameters(model.config)));
  if (const auto tokenizer = open_tokenizer(files, model.config)) {
    passed.push_back(fmt::format("tokenizer: {} tokens", tokenizer->vocab_size()));
  } else {
    passed.emplace_back("tokenizer: no vocab.json and merges.txt; captions come as token ids only");
  }
  const std::string where = files.generation_config ? display_path(*files.generation_config) : "";
  validate(generation_options_from_json(model.generation_config, where), special_tokens(model.config),
           model.config.vocab_size);
  passed.emplace_back("search defaults: valid");
  return passed;
}

}  // namespace lpmc
