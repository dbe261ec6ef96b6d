#include "lpmc/training/train_setup.h"

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class SequentialSampler : public Sampler {
 public:
  explicit SequentialSampler(std::size_t items) : items_(items) {}
  std::size_t item(std::uint64_t n) const override { return static_cast<std::size_t>(n % items_); }
  std::uint64_t epoch_samples() const override { return items_; }

 private:
  std::size_t items_;
};

/// Search as the original's, for a vocabulary that has its special tokens.
json default_generation(const TrainJob& job, const ModelConfig& config) {
  const auto forced = [](std::int32_t id) { return id < 0 ? json() : json(id); };
  return {{"num_beams", 5},
          {"max_length", job.options.max_length},
          {"min_length", 2},
          {"length_penalty", 1.0},
          {"early_stopping", true},
          {"no_repeat_ngram_size", 3},
          {"repetition_penalty", 1.0},
          {"decoder_start_token_id", config.decoder_start_token_id},
          {"forced_bos_token_id", forced(config.forced_bos_token_id)},
          {"forced_eos_token_id", forced(config.forced_eos_token_id)}};
}

ModelConfig read_config(const fs::path& path) {
  return model_config_from_json(read_json_file(path), display_path(path));
}

void check_framework(const TrainJob& job) {
  LPMC_REQUIRE(job.options.framework != "transfer" || !job.init.empty(), invalid_argument,
               "--framework transfer: expected --init MODEL, the pretrained model to start from");
  LPMC_REQUIRE(!job.options.bf16 || job.run.device != "cpu", invalid_argument,
               "--bf16: expected --device cuda, found cpu");
  LPMC_REQUIRE(!job.manifests.empty(), invalid_argument, "--manifest: expected at least one");
  LPMC_REQUIRE(!job.out.empty(), invalid_argument, "--out: expected the folder of the run");
}

/// Where vocabulary and merges lie: --tokenizer, else beside --init, else the model that ships.
ModelFiles find_words(const TrainJob& job) {
  if (!job.tokenizer.empty()) {
    ModelFiles files;
    files.name = display_path(job.tokenizer);
    files.vocab = job.tokenizer / "vocab.json";
    files.merges = job.tokenizer / "merges.txt";
    return files;
  }
  if (!job.init.empty()) return find_model(job.init);
  LPMC_REQUIRE(
      job.model_size == "small" || !job.config.empty(), not_found,
      "--tokenizer: expected the folder of a vocab.json and merges.txt (bart-base's for the published "
      "sizes), found none; --preset small takes those of the model that ships");
  return find_model("default");
}

/// The shape: --config, else that of --init, else the size asked for with the vocabulary's own number.
ModelConfig choose_config(const TrainJob& job, std::size_t vocab_size) {
  ModelConfig config;
  if (!job.config.empty()) {
    config = read_config(job.config);
  } else if (!job.init.empty()) {
    const ModelFiles files = find_model(job.init, job.tokenizer);
    config = files.config ? read_config(*files.config) : preset_config("bart-base");
  } else {
    config = preset_config(job.model_size);
    config.vocab_size = static_cast<int>(vocab_size);
  }
  validate(config, "model");
  LPMC_REQUIRE(static_cast<std::size_t>(config.vocab_size) == vocab_size, invalid_argument,
               "vocabulary: expected the model's {} tokens, found {} in vocab.json", config.vocab_size,
               vocab_size);
  return config;
}

void read_words(const TrainJob& job, TrainSetup& setup) {
  setup.words = find_words(job);
  LPMC_REQUIRE(setup.words.vocab && setup.words.merges, not_found,
               "{}: no vocab.json and merges.txt; --tokenizer DIR names their folder", setup.words.name);
  setup.tokenizer = BpeTokenizer::from_files(*setup.words.vocab, *setup.words.merges);
  setup.config = choose_config(job, setup.tokenizer->vocab_size());
  const bool has_search = setup.words.generation_config && !job.init.empty();
  setup.generation_config =
      has_search ? read_json_file(*setup.words.generation_config) : default_generation(job, setup.config);
}

std::unique_ptr<ManifestClips> read_clips(const TrainJob& job, const ModelConfig& config, bool is_train) {
  ManifestClipOptions options;
  options.manifests = job.manifests;
  options.cache = job.cache;
  options.audio_dir = job.audio_dir;
  options.split = is_train ? job.train_split : job.valid_split;
  options.captions = job.options.captions;
  options.skip_missing = job.skip_missing;
  options.random_crop = is_train;
  options.sample_rate = config.mel.sample_rate;
  options.segment_samples = config.segment_samples();
  auto clips = std::make_unique<ManifestClips>(options);
  const ManifestClips::Counts& counts = clips->counts();
  if (counts.without_caption > 0) {
    log(LogLevel::warning, "{} clips of the split '{}' have no caption of '{}': left out",
        counts.without_caption, options.split, options.captions);
  }
  if (counts.without_sound > 0) {
    log(LogLevel::warning, "{} clips of the split '{}' have no sound: left out", counts.without_sound,
        options.split);
  }
  LPMC_REQUIRE(
      !is_train || clips->size() > 0, invalid_argument,
      "training data: expected clips of the split '{}' with captions of '{}', found none ({} of other "
      "splits, {} without caption, {} without sound)",
      options.split, options.captions, counts.other_splits, counts.without_caption, counts.without_sound);
  return clips;
}

std::unique_ptr<Sampler> make_sampler(const TrainOptions& options, const ManifestClips& clips,
                                      std::int64_t steps_per_epoch) {
  const auto seed = static_cast<std::uint64_t>(options.seed);
  if (options.sampler == "sequential") return make_sequential_sampler(clips.size());
  if (options.sampler == "tag-balanced") {
    return make_tag_balanced_sampler(clips.tags(), seed,
                                     static_cast<std::uint64_t>(steps_per_epoch * options.batch_size));
  }
  return make_shuffle_sampler(clips.size(), seed);
}

}  // namespace

std::unique_ptr<Sampler> make_sequential_sampler(std::size_t items) {
  return std::make_unique<SequentialSampler>(items);
}

TrainSetup prepare_training(const TrainJob& job) {
  check_framework(job);
  validate(job.options);
  validate(job.run);
  TrainSetup setup;
  read_words(job, setup);
  setup.train = read_clips(job, setup.config, true);
  setup.valid = read_clips(job, setup.config, false);
  if (setup.valid->size() == 0) {
    log(LogLevel::warning, "no clips of the split '{}': no validation, and the last state is the best",
        job.valid_split);
    setup.valid.reset();
  }
  setup.length = run_length(job.options, setup.train->size());
  setup.sampler = make_sampler(job.options, *setup.train, setup.length.steps_per_epoch);
  return setup;
}

}  // namespace lpmc
