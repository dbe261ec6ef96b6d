#pragma once

// A training run of seconds: a network of some ten thousand parameters beside its vocabulary, chords of a
// few seconds, captions that name them.

#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "lpmc/model/config.h"
#include "lpmc/training/train_setup.h"

#include "tests/support/fixtures.h"
#include "tests/support/wav.h"

namespace lpmc::test {

/// One second of sound, 16 mel bands, one layer each; the vocabulary of the model that ships.
inline ModelConfig small_run_config() {
  ModelConfig config;
  config.d_model = 32;
  config.encoder_layers = config.decoder_layers = 1;
  config.encoder_attention_heads = config.decoder_attention_heads = 2;
  config.encoder_ffn_dim = config.decoder_ffn_dim = 48;
  config.vocab_size = 1382;
  config.max_position_embeddings = 40;
  config.mel.n_mels = 16;
  config.duration_s = 1.0;
  config.num_conv = 3;
  return config;
}

inline const std::filesystem::path& shipped_model() {
  static const std::filesystem::path folder = std::filesystem::path(LPMC_SOURCE_DIR) / "models/default";
  return folder;
}

/// A folder with `clips` chords, their manifest and a config.json.
class SmallRunData {
 public:
  explicit SmallRunData(int clips = 8) {
    for (int i = 0; i < clips; ++i) {
      const std::string name = std::to_string(i) + ".wav";
      write_wav(folder_ / name, chord_int16(1.0 + 0.25 * i, i));
      add({{"id", "clip " + std::to_string(i)},
           {"audio", name},
           {"split", i % 4 == 3 ? "valid" : "train"},
           {"tags", {i % 2 == 0 ? "low" : "high", "chord"}},
           {"caption", i % 2 == 0 ? "a low chord with drums" : "a high chord of a guitar"},
           {"captions", {{"writing", "a song with a chord"}, {"summary", "a chord"}}}});
    }
    std::ofstream(config()) << model_config_to_json(small_run_config(), "float32").dump();
  }

  void add(const nlohmann::json& line) const { add_text(line.dump()); }
  void add_text(const std::string& line) const { std::ofstream(manifest(), std::ios::app) << line << '\n'; }
  std::filesystem::path manifest() const { return folder_ / "clips.jsonl"; }
  std::filesystem::path config() const { return folder_ / "config.json"; }
  std::filesystem::path out() const { return folder_ / "run"; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  TrainJob job(std::int64_t updates = 6) const {
    TrainJob job;
    job.options.batch_size = 4;
    job.options.updates = updates;
    job.options.warmup_updates = 2;
    job.options.lr = 1e-3;
    job.options.max_length = 24;
    job.options.captions = "human";
    job.options.sampler = "shuffle";
    job.run.log_every = 1;
    job.run.validate_every = 3;
    job.run.checkpoint_every = 2;
    job.run.samples = 2;
    job.manifests = {manifest()};
    job.config = config();
    job.tokenizer = shipped_model();
    job.out = out();
    return job;
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace lpmc::test
