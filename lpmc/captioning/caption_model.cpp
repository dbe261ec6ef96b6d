#include "lpmc/captioning/caption_model.h"

#include <future>
#include <utility>

#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/arithmetic.h"
#include "lpmc/captioning/generation_config.h"
#include "lpmc/captioning/tokenizer.h"
#include "lpmc/inference/engine.h"
#include "lpmc/model/model_card.h"
#include "lpmc/model/model_dir.h"

namespace lpmc {

CaptionModel::CaptionModel(std::string_view model_name, const std::filesystem::path& tokenizer_folder,
                           std::string_view dtype) {
  const ModelFiles files = find_model(model_name, tokenizer_folder);
  const Model model = open_model(files);  // its weights may go once they are packed
  const Arithmetic chosen = choose_arithmetic(dtype, model, arithmetics_by_speed());
  log(LogLevel::info, "{}: weights stored as {}, computed in {}: {}", files.name,
      to_string(stored_dtype(model)), arithmetic_name(chosen.dtype), chosen.reason);
  name = files.name;
  arithmetic = chosen.dtype;
  config = model.config;
  // Reading a large vocabulary takes its time: beside the packing, not before it.
  auto opened_tokenizer = std::async(std::launch::async, [&] { return open_tokenizer(files, config); });
  const std::string where = files.generation_config ? display_path(*files.generation_config) : "";
  generation = generation_options_from_json(model.generation_config, where);
  const ModelWeights& weights = model.weights.weights;
  log_mel.emplace(config.mel, weights.mel_window, weights.mel_filterbank);
  audio_encoder.emplace(config, weights, arithmetic);
  weights.give_back_pages();
  encoder.emplace(config, weights, arithmetic);
  weights.give_back_pages();
  decoder.emplace(config, weights, arithmetic);
  tokenizer = opened_tokenizer.get();
}

std::vector<Candidate> CaptionModel::candidates_of(std::vector<Hypothesis>&& hypotheses) const {
  std::vector<Candidate> candidates;
  for (Hypothesis& hypothesis : hypotheses) {
    Candidate candidate;
    candidate.score = hypothesis.score;
    if (tokenizer) candidate.text = tokenizer->decode(hypothesis.tokens);
    candidate.tokens = std::move(hypothesis.tokens);
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace lpmc
