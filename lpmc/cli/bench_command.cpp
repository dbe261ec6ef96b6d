#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/captioning/benchmark.h"
#include "lpmc/captioning/benchmark_files.h"
#include "lpmc/captioning/captioner.h"
#include "lpmc/cli/bench_report.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/model/model_card.h"
#include "lpmc/model/model_dir.h"

namespace lpmc::cli {
namespace {

constexpr const char* kProgram = "/proc/self/exe";
constexpr const char* kSampleRecording = "samples/metal_madness_30s.ogg";

/// The command line of `lpmc bench`.
struct BenchFlags {
  CommonOptions common;
  std::string model = "default";
  std::string tokenizer;
  std::string preset;
  std::string dtype = "auto";
  std::string audio;
  std::vector<std::string> stages;
  int segments = 3;
  int num_beams = 5;
  int new_tokens = 64;
  bool quick = false;
  bool json = false;
};

/// One run: what is measured, and what has been found so far.
class Bench {
 public:
  explicit Bench(const BenchFlags& flags) : flags_(flags) {
    open();
    report_.parameters = count_parameters(model_.config);
    report_.options = options();
    LPMC_REQUIRE(flags.new_tokens < model_.config.max_position_embeddings, invalid_argument,
                 "--new-tokens: expected fewer than the model's {} positions, found {}",
                 model_.config.max_position_embeddings, flags.new_tokens);
    arithmetics_ = arithmetics();
  }

  const BenchReport& run() {
    note("the machine");
    report_.machine = measure_machine(model_.config, arithmetics_, flags_.quick);
    const auto on_figure = [this](const StageFigure& figure) { take(figure); };
    if (wanted(BenchmarkStage::audio)) benchmark_audio(model_.config, report_.options, on_figure);
    for (const DType arithmetic : arithmetics_) {
      note(arithmetic_name(arithmetic));
      // A process of its own first: the model's file is then in memory, and this one's network not yet.
      if (wanted(BenchmarkStage::memory)) take(memory(arithmetic));
      benchmark_network({model_.config, &model_.weights.weights}, arithmetic, report_.machine,
                        report_.options, on_figure);
    }
    return report_;
  }

 private:
  void open() {
    if (flags_.preset.empty()) {
      model_ = open_model(find_model(flags_.model, flags_.tokenizer));
      report_.model = flags_.model;
      return;
    }
    model_.files.name = report_.model = flags_.preset;
    model_.config = preset_config(flags_.preset);
    model_.weights = random_weights(model_.config, 1);
    model_.generation_config = nlohmann::json::object();
  }

  /// "auto" is what `lpmc caption` would take; random weights are at home in all.
  std::vector<DType> arithmetics() const {
    if (flags_.dtype == "all" || (flags_.dtype == "auto" && !flags_.preset.empty()))
      return {DType::f32, DType::bf16, DType::i8};
    const std::string name(flags_.dtype == "auto" ? Captioner(flags_.model, flags_.tokenizer).dtype()
                                                  : std::string_view(flags_.dtype));
    return {*arithmetic_of_name(name)};
  }

  BenchmarkOptions options() const {
    BenchmarkOptions options;
    for (const BenchmarkStage stage : benchmark_stages()) {
      if (wanted(stage)) options.stages.push_back(stage);
    }
    options.segments = flags_.segments;
    options.num_beams = flags_.num_beams;
    options.new_tokens = flags_.new_tokens;
    options.quick = flags_.quick;
    options.audio = flags_.audio.empty() ? sample_recording() : std::filesystem::path(flags_.audio);
    return options;
  }

  bool wanted(BenchmarkStage stage) const {
    if (flags_.stages.empty()) return stage != BenchmarkStage::batch;
    return std::find(flags_.stages.begin(), flags_.stages.end(), to_string(stage)) != flags_.stages.end();
  }

  /// The one that ships, in a checkout; else chords.
  std::filesystem::path sample_recording() const {
    for (const NamedModel& model : list_models()) {
      const auto file = model.folder.parent_path().parent_path() / kSampleRecording;
      if (std::filesystem::exists(file)) return file;
    }
    const auto file = scratch_.path() / "sample.wav";
    write_chords(file, 30, model_.config.mel.sample_rate);
    return file;
  }

  StageFigure memory(DType arithmetic) const {
    MemoryRun run;
    run.program = std::filesystem::read_symlink(kProgram).string();
    run.arithmetic = arithmetic;
    run.config = model_.config;
    run.model = flags_.model;
    run.tokenizer = flags_.tokenizer;
    if (flags_.preset.empty()) return benchmark_memory(run, report_.options, scratch_.path());
    const ScratchFolder folder;
    run.model = (folder.path() / "model").string();
    if (arithmetic == DType::f32) {
      write_model_folder(run.model, model_, DType::f32, false);
    } else {
      quantize_model(run.model, model_, arithmetic, false);
    }
    return benchmark_memory(run, report_.options, scratch_.path());
  }

  void note(std::string_view what) const {
    if (!flags_.common.quiet) fmt::print(stderr, "lpmc: measuring {}\n", what);
  }

  void take(const StageFigure& figure) {
    report_.figures.push_back(figure);
    if (!flags_.common.quiet)
      fmt::print(stderr, "lpmc: {}, {} {}: {:.4g} s\n", figure.stage, figure.size, figure.unit,
                 figure.best_s);
  }

  const BenchFlags& flags_;
  const ScratchFolder scratch_;
  Model model_;
  std::vector<DType> arithmetics_;
  BenchReport report_;
};

int bench(const BenchFlags& flags) {
  apply_common_options(flags.common);
  Bench bench(flags);
  const BenchReport& report = bench.run();
  if (flags.json) {
    fmt::print("{}\n", bench_json(report).dump(2));
  } else {
    fmt::print("{}", bench_table(report));
  }
  return kAllDone;
}

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const BenchmarkStage stage : benchmark_stages())
    names.emplace_back(to_string(stage));
  return names;
}

void add_model_flags(CLI::App& app, BenchFlags& flags) {
  const auto group = "Model";
  CLI::Option* model = add_flag_or_option(
      app, "-m,--model", flags.model, "a folder, a name (`lpmc model list`) or a checkpoint (.pth)", "model");
  model->group(group);
  add_flag_or_option(app, "--tokenizer", flags.tokenizer,
                     "folder with vocab.json and merges.txt, if not beside the weights", "tokenizer")
      ->group(group);
  add_flag_or_option(app, "--preset", flags.preset, "random weights of this size instead of a model",
                     "preset")
      ->check(one_of({"bart-base", "small", "tiny"}))
      ->group(group);
  add_flag_or_option(app, "--dtype", flags.dtype,
                     "arithmetic; auto = as `lpmc caption` chooses it, and all for a preset", "dtype")
      ->check(one_of({"auto", "f32", "bf16", "int8", "all"}))
      ->group(group);
}

void add_measurement_flags(CLI::App& app, BenchFlags& flags) {
  const auto group = "Measurements";
  add_flag_or_option(app, "--stages", flags.stages,
                     "what to measure; without this flag everything but batch (throughput by batch size)",
                     "stages")
      ->delimiter(',')
      ->check(one_of(stage_names()))
      ->group(group);
  add_flag_or_option(app, "--segments", flags.segments, "segments of the smaller run of whole captions",
                     "segments")
      ->check(CLI::Range(1, 1024))
      ->group(group);
  add_flag_or_option(app, "--num-beams", flags.num_beams, "beams of the search; 1 = greedy", "num-beams")
      ->check(CLI::Range(1, 64))
      ->group(group);
  add_flag_or_option(app, "--new-tokens", flags.new_tokens, "tokens of every caption, exactly", "new-tokens")
      ->check(CLI::Range(2, 1000))
      ->group(group);
  add_flag_or_option(app, "--audio", flags.audio, "what to decode; without this flag a sample of 30 s",
                     "audio")
      ->group(group);
  add_flag_or_option(app, "--quick", flags.quick, "every measurement once and short: figures are rough",
                     "quick")
      ->group(group);
  add_flag_or_option(app, "--json", flags.json, "one JSON object, units in its keys", "json")->group(group);
}

}  // namespace

void add_bench_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<BenchFlags>();
  add_model_flags(app, *flags);
  add_measurement_flags(app, *flags);
  add_common_options(app, flags->common);
  app.footer(
      "The machine comes first: how fast its vector units multiply and add, and how fast it reads a\n"
      "buffer as large as the weights of a decoding step. Columns of the table:\n"
      "  size        how much at once\n"
      "  best        the fastest repeat: of one step, of one pass over all segments, of one file\n"
      "  median      the repeat in the middle; far from the best when the machine is busy\n"
      "  limit       max(bytes of weights / read rate, multiply-adds / multiply rate) of this very run;\n"
      "              for the search, bytes of logits / read rate\n"
      "  best/limit  1.00 is as fast as this machine can\n"
      "  rate        seconds of sound a second; operations of the products; memory\n"
      "audio is measured on one thread. A decoding step is the mean of a caption's steps. captions is the\n"
      "whole scheduler on --segments and on 18 segments. memory is `lpmc caption` in a process of its own.\n"
      "Examples:\n"
      "  lpmc bench\n"
      "  lpmc bench --preset bart-base --dtype int8 --threads 2\n"
      "  lpmc bench --stages step,captions --json\n"
      "  lpmc bench --stages batch");
  app.callback([&run, flags] { run = [flags] { return bench(*flags); }; });
}

}  // namespace lpmc::cli
