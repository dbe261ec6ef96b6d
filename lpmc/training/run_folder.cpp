#include "lpmc/training/run_folder.h"

#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<std::string> path_texts(const std::vector<fs::path>& paths) {
  std::vector<std::string> texts;
  for (const fs::path& path : paths)
    texts.push_back(display_path(path));
  return texts;
}

}  // namespace

json hyper_parameters(const TrainJob& job) {
  return {{"options", options_to_json(job.options)},  {"run", options_to_json(job.run)},
          {"manifests", path_texts(job.manifests)},   {"cache", display_path(job.cache)},
          {"audio_dir", display_path(job.audio_dir)}, {"train_split", job.train_split},
          {"valid_split", job.valid_split},           {"skip_missing", job.skip_missing},
          {"init", replace_invalid_utf8(job.init)},   {"tokenizer", display_path(job.tokenizer)},
          {"config", display_path(job.config)},       {"model_size", job.model_size}};
}

RunFolder::RunFolder(const TrainJob& job, const TrainSetup& setup)
    : job_(job), setup_(setup), states_(job.out / "state", job.run.keep) {}

json RunFolder::identity() const {
  return {{"options", options_to_json(job_.options)},
          {"model", model_config_to_json(setup_.config, "float32")},
          {"data", setup_.train->fingerprint()},
          {"updates", setup_.length.updates}};
}

void RunFolder::check_same(const json& saved) const {
  const json now = identity();
  std::vector<std::string> differences = option_differences(saved["options"], now["options"]);
  for (const std::string& each : option_differences(saved["model"], now["model"]))
    differences.push_back("model " + each);
  if (saved["data"] != now["data"]) {
    differences.push_back(fmt::format("data: {} then, {} now", saved["data"].dump(), now["data"].dump()));
  }
  LPMC_REQUIRE(
      differences.empty(), invalid_argument,
      "{}: expected the options of the run that is there, found others: {}; another --out begins a new "
      "run, --overwrite this one anew",
      display_path(job_.out), fmt::join(differences, "; "));
}

std::optional<SavedState> RunFolder::open() {
  const fs::path weights = job_.out / "model.safetensors";
  if (job_.overwrite) {
    states_.clear();
    std::error_code error;
    for (const char* old : {"model.safetensors", "log.jsonl", "report.html"})
      fs::remove(job_.out / old, error);
    fs::remove_all(job_.out / "best", error);
    return std::nullopt;
  }
  std::optional<SavedState> saved = states_.newest();
  if (saved) {
    check_same(saved->facts.at("run"));
    return saved;
  }
  LPMC_REQUIRE(!job_.must_resume, not_found, "{}: expected a run to go on from, found no whole state",
               display_path(job_.out));
  LPMC_REQUIRE(!fs::exists(weights), invalid_argument,
               "{}: expected a folder without a model, found one and no state to go on from (--overwrite "
               "replaces it)",
               display_path(job_.out));
  return std::nullopt;
}

void RunFolder::begin(std::int64_t step) {
  std::error_code error;
  fs::create_directories(job_.out, error);
  if (error) fail_errno(display_path(job_.out), error.value());
  write_file_atomically(job_.out / "hparams.json", hyper_parameters(job_).dump(2) + "\n");
  log_.emplace(job_.out / "log.jsonl", step);
  events_.emplace(job_.out, step);
  const ManifestClips& clips = setup_.valid ? *setup_.valid : *setup_.train;
  samples_.emplace(clips, static_cast<std::size_t>(job_.run.samples), setup_.config, job_.out / "samples");
}

void RunFolder::add(const json& entry) {
  std::map<std::string, double> scalars;
  for (const auto& [key, value] : entry.items()) {
    if (value.is_number() && key != "step") scalars[entry["kind"].get<std::string>() + "/" + key] = value;
  }
  log_->add(entry);
  if (!scalars.empty()) events_->add(entry["step"].get<std::int64_t>(), scalars);
}

RunFacts RunFolder::facts_at(std::int64_t step) const {
  RunFacts facts;
  facts.name = display_path(fs::absolute(job_.out).lexically_normal().filename());
  facts.license = job_.run.license;
  std::vector<std::string> manifests;
  for (const fs::path& manifest : job_.manifests)
    manifests.push_back(display_path(manifest.filename()));
  facts.data = fmt::format("{} clips of {} (split {})", setup_.train->size(), fmt::join(manifests, ", "),
                           job_.train_split);
  facts.start = job_.init.empty() ? "random weights" : display_path(fs::path(job_.init));
  facts.parameters = count_parameters(setup_.config);
  facts.step = step;
  facts.updates = setup_.length.updates;
  facts.options = options_to_json(job_.options);
  facts.entries = log_->entries();
  return facts;
}

void RunFolder::write_to(const fs::path& folder, std::int64_t step, LoadedWeights weights) const {
  Model model;
  model.files = setup_.words;
  model.config = setup_.config;
  model.generation_config = setup_.generation_config;
  model.weights = std::move(weights);
  write_model_folder(folder, model, DType::f32, true, training_card(facts_at(step)));
}

void RunFolder::write_model(std::int64_t step, LoadedWeights weights) {
  if (step == model_step_) return;
  write_to(job_.out, step, std::move(weights));
  model_step_ = step;
  write_report(step);
}

void RunFolder::write_best(std::int64_t step, LoadedWeights weights) {
  write_to(job_.out / "best", step, std::move(weights));
}

void RunFolder::write_report(std::int64_t step) const {
  write_file_atomically(job_.out / "report.html", training_report(facts_at(step)));
}

void RunFolder::save_state(std::int64_t step, std::span<const NamedTensor> tensors, const json& facts) {
  json all = facts;
  all["run"] = identity();
  states_.save(step, tensors, all);
}

json RunFolder::caption_samples(const CaptionClips& caption) {
  return samples_->captions(job_.out, caption);
}

}  // namespace lpmc
