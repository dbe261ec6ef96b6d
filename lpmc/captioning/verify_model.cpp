#include "lpmc/captioning/verify_model.h"

#include "lpmc/base/utf8.h"
#include "lpmc/captioning/arithmetic.h"
#include "lpmc/captioning/generation_config.h"
#include "lpmc/captioning/special_tokens.h"
#include "lpmc/captioning/tokenizer.h"
#include "lpmc/generation/generate.h"
#include "lpmc/model/model_card.h"

namespace lpmc {

namespace {

/// What --dtype auto may choose, and who says so.
std::string arithmetic_line(const Model& model) {
  const auto names_of = [](const std::vector<DType>& dtypes) {
    std::vector<std::string_view> names;
    for (const DType dtype : dtypes)
      names.push_back(arithmetic_name(dtype));
    return fmt::format("{}", fmt::join(names, ", "));
  };
  const std::vector<DType> vouched = vouched_dtypes(model.files);
  return fmt::format("arithmetic: --dtype auto may choose {}; the model card vouches for {}",
                     names_of(good_arithmetics(model)), vouched.empty() ? "none" : names_of(vouched));
}

}  // namespace

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
  const DType stored = stored_dtype(model);
  passed.push_back(fmt::format("weights: {} parameters stored as {}{}, all finite",
                               count_parameters(model.config), to_string(stored),
                               stored == DType::i8 ? " with a positive scale for each row" : ""));
  passed.push_back(arithmetic_line(model));
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
