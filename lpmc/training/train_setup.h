#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/dataset/samplers.h"
#include "lpmc/model/config.h"
#include "lpmc/model/model_dir.h"
#include "lpmc/text/bpe_tokenizer.h"
#include "lpmc/training/clip_source.h"
#include "lpmc/training/train_options.h"

namespace lpmc {

/// A training run as the user describes it.
struct TrainJob {
  TrainOptions options;
  RunOptions run;
  std::vector<std::filesystem::path> manifests;
  std::filesystem::path cache;      ///< empty: audio files only
  std::filesystem::path audio_dir;  ///< empty: the manifests' folders
  std::string train_split = "train";
  std::string valid_split = "valid";
  bool skip_missing = false;
  std::filesystem::path out;         ///< the run folder
  std::string init;                  ///< model to start from: folder, name or .pth; empty: random weights
  std::filesystem::path tokenizer;   ///< empty: that of `init`, or of the model that ships
  std::filesystem::path config;      ///< config.json; empty: that of `init`, or `model_size`
  std::string model_size = "small";  ///< model/config.h preset_config
  bool must_resume = false;          ///< there must be a state to go on from
  bool overwrite = false;            ///< begin anew where a run or model is
};

/// What a run works with, made from a job: everything but LibTorch's part.
struct TrainSetup {
  ModelConfig config;
  ModelFiles words;  ///< where vocabulary and merges come from
  nlohmann::json generation_config;
  std::optional<BpeTokenizer> tokenizer;
  std::unique_ptr<ManifestClips> train;
  std::unique_ptr<ManifestClips> valid;  ///< null where the split has no clips
  std::unique_ptr<Sampler> sampler;
  RunLength length;
};

/// Reads configuration, vocabulary and data.
/// @throws Error(invalid_argument, not_found, corrupt) naming what is missing or does not fit
TrainSetup prepare_training(const TrainJob& job);

/// Clips in the order in which they stand.
std::unique_ptr<Sampler> make_sequential_sampler(std::size_t items);

}  // namespace lpmc
