#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/evaluate_parts.h"
#include "lpmc/evaluation/caption_files.h"
#include "lpmc/evaluation/compare_evaluations.h"
#include "lpmc/evaluation/listening_test.h"
#include "lpmc/evaluation/results_html.h"
#include "lpmc/evaluation/results_json.h"
#include "lpmc/evaluation/results_tables.h"

namespace lpmc::cli {
namespace {

using Flags = EvaluateFlags;

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// To -o where it is given, else to stdout.
void print_or_write(const Flags& flags, const std::string& text) {
  if (flags.output.empty()) {
    print(text);
  } else {
    write_file_atomically(flags.output, text);
  }
}

EvaluationOptions evaluation_options(Flags& flags) {
  EvaluationOptions options;
  flags.evaluation.apply_to(options);
  validate(options);
  return options;
}

int count_listening_test(const Flags& flags) {
  LPMC_REQUIRE(flags.inputs.empty(), invalid_argument,
               "--ab-answers: expected files of answers only, found '{}' too", flags.inputs.front());
  std::vector<AnswerFile> files;
  for (const std::string& file : flags.ab_answers)
    files.push_back({display_path(file), read_text_file(file)});
  const ListeningTestCounts counts = count_answers(files);
  print_or_write(flags, flags.format == "json" ? answers_json(counts) : answers_text(counts));
  return kAllDone;
}

/// One system against another, or, as in the paper, against what people wrote.
int write_listening_test(Flags& flags) {
  LPMC_REQUIRE(flags.inputs.size() <= 2, invalid_argument,
               "--ab-test: expected one file (against its references) or two, found {}", flags.inputs.size());
  const std::vector<ClipCaptions> first = read_captions(flags.inputs.front());
  std::vector<ClipCaptions> second;
  ListeningTestOptions options;
  options.first_name = flags.inputs.front();
  if (flags.inputs.size() == 2) {
    options.second_name = flags.inputs.back();
    second = match_clips(first, read_captions(flags.inputs.back()), display_path(flags.inputs.front()),
                         display_path(flags.inputs.back()));
  } else {
    options.second_name = "references";
    second = first;
    for (ClipCaptions& clip : second)
      clip.prediction = clip.references.front();
  }
  options.audio = flags.audio;
  options.page_folder = std::filesystem::path(flags.output).parent_path();
  options.embed_audio = !flags.ab_link_audio;
  options.clips = static_cast<std::size_t>(flags.ab_clips);
  options.seed = evaluation_options(flags).seed;
  print_or_write(flags, listening_test_html(first, second, options));
  return kAllDone;
}

/// A file and its numbers.
struct System {
  std::string name;
  std::vector<ClipCaptions> clips;
  Evaluation evaluation;
};

class EvaluateRun {
 public:
  explicit EvaluateRun(Flags& flags) : flags_(flags), options_(evaluation_options(flags)), parts_(flags) {}

  void run() {
    // All files are read before anything is computed: a broken one is told at once.
    for (const std::string& input : flags_.inputs)
      systems_.push_back({display_path(input), read_captions(input), {}});
    if (!flags_.against.empty()) {
      const std::string name = display_path(flags_.against);
      other_ = System{
          name, match_clips(systems_[0].clips, read_captions(flags_.against), systems_[0].name, name), {}};
    }
    for (System& system : systems_)
      system.evaluation = evaluate(system.clips, parts_.parts(), options_);
    if (other_) {
      other_->evaluation = evaluate(other_->clips, parts_.parts(), options_);
      comparison_ = compare_evaluations(systems_[0].evaluation, other_->evaluation);
      compared_ = ComparedSystem{other_->name, other_->clips, &*comparison_};
    }
    write_files();
    print_results();
  }

 private:
  const ComparedSystem* compared() const { return compared_ ? &*compared_ : nullptr; }
  ReportedSystem first() const { return {systems_[0].name, systems_[0].clips, &systems_[0].evaluation}; }

  std::string json() const {
    RunFacts facts = {{"file", systems_[0].name}};
    facts.insert(facts.end(), parts_.facts().begin(), parts_.facts().end());
    return results_json(first(), facts, compared());
  }

  void write_files() const {
    if (!flags_.output.empty()) write_file_atomically(flags_.output, json());
    if (!flags_.clips.empty())
      write_file_atomically(flags_.clips, clip_scores_csv(systems_[0].evaluation, systems_[0].clips));
    if (flags_.html.empty()) return;
    HtmlReportOptions options;
    options.audio = flags_.audio;
    options.page_folder = std::filesystem::path(flags_.html).parent_path();
    write_file_atomically(flags_.html, results_html(first(), options, compared()));
  }

  void print_results() const {
    if (flags_.format == "json") {
      print(json());
      return;
    }
    const TableFormat format = parse_table_format(flags_.format);
    std::vector<NamedEvaluation> named;
    for (const System& system : systems_)
      named.push_back({system.name, &system.evaluation});
    if (other_) named.push_back({other_->name, &other_->evaluation});
    print(results_table(named, format));
    if (comparison_) print("\n" + comparison_table(*comparison_, systems_[0].clips, other_->clips, format));
  }

  Flags& flags_;
  EvaluationOptions options_;
  EvaluateParts parts_;
  std::vector<System> systems_;
  std::optional<System> other_;
  std::optional<EvaluationComparison> comparison_;
  std::optional<ComparedSystem> compared_;
};

int run_evaluate(Flags& flags) {
  if (!flags.ab_answers.empty()) return count_listening_test(flags);
  LPMC_REQUIRE(!flags.inputs.empty(), invalid_argument,
               "evaluate: expected a file of captions; see `lpmc evaluate --help`");
  if (flags.ab_test) return write_listening_test(flags);
  const bool one_only = !flags.output.empty() || !flags.html.empty() || !flags.clips.empty() ||
                        !flags.against.empty() || flags.format == "json";
  LPMC_REQUIRE(flags.inputs.size() == 1 || !one_only, invalid_argument,
               "evaluate: expected one input with --output, --html, --clips, --against and --format json, "
               "found {}",
               flags.inputs.size());
  EvaluateRun(flags).run();
  return kAllDone;
}

void add_part_flags(CLI::App& app, Flags& flags) {
  const auto group = "What the numbers need";
  add_flag_or_option(
      app, "--train-captions", flags.train_captions,
      "captions the model was trained on, for the novelty figures: JSON, JSONL, CSV (MusicCaps' "
      "own)",
      "train-captions")
      ->group(group);
  add_flag_or_option(app, "--train-split", flags.train_split, "which split of --train-captions",
                     "train-split")
      ->group(group);
  add_flag_or_option(app, "--wordnet", flags.wordnet,
                     "WordNet's dict folder, for METEOR; default: as installed", "wordnet")
      ->group(group);
  add_flag_or_option(app, "--abbreviations", flags.abbreviations,
                     "words whose period ends no sentence, one a line, for METEOR", "abbreviations")
      ->group(group);
  add_flag_or_option(
      app, "--tags", flags.tags,
      "the clips' tags (annotation JSON, MusicCaps' CSV, manifest), for coverage and contradiction", "tags")
      ->group(group);
  add_flag_or_option(app, "--bertscore,!--no-bertscore", flags.bertscore,
                     "BERTScore, where its model is there", "bertscore")
      ->group(group);
  flags.bertscore_options.add_to(app, group);
}

void add_listening_flags(CLI::App& app, Flags& flags) {
  const auto group = "Listening test";
  add_flag_or_option(app, "--ab-test", flags.ab_test,
                     "write a page that asks people to compare A with B, or A with its references", "ab-test")
      ->group(group);
  add_flag_or_option(app, "--ab-clips", flags.ab_clips, "clips drawn for the page; 0 = all", "ab-clips")
      ->check(CLI::Range(0, 1'000'000))
      ->group(group);
  add_flag_or_option(app, "--ab-link-audio", flags.ab_link_audio,
                     "link to the audio files instead of putting them into the page", "ab-link-audio")
      ->group(group);
  app.add_option("--ab-answers", flags.ab_answers, "count the files of answers that the page saved")
      ->group(group);
}

}  // namespace

void add_evaluate_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("inputs", flags->inputs,
                 "predictions and references: the original's inference.json, JSONL or CSV");
  add_flag_or_option(app, "--against", flags->against,
                     "another system on the same clips: paired bootstrap, t-test, wins", "against");
  add_part_flags(app, *flags);
  flags->evaluation.add_to(app, "Numbers");
  const auto group = "Output";
  add_flag_or_option(app, "-o,--output", flags->output,
                     "results.json (or, with --ab-test, the page; with --ab-answers, the counts)", "output")
      ->group(group);
  add_flag_or_option(app, "-f,--format", flags->format, "what is printed", "format")
      ->check(one_of({"text", "json", "csv", "markdown", "latex"}))
      ->group(group);
  add_flag_or_option(app, "--html", flags->html, "a report as an HTML page", "html")->group(group);
  add_flag_or_option(app, "--clips", flags->clips, "every clip's numbers as CSV", "clips")->group(group);
  add_flag_or_option(app, "--audio", flags->audio, "folder of the clips' audio, for the pages' players",
                     "audio")
      ->group(group);
  add_listening_flags(app, *flags);
  add_common_options(app, flags->common);
  add_examples(app,
               "  lpmc evaluate inference.json --train-captions musiccaps-public.csv -o results.json\n"
               "  lpmc evaluate a.json b.json --format latex\n"
               "  lpmc evaluate a.json --against b.json --html report.html --audio clips/\n"
               "  lpmc evaluate --ab-test a.json b.json --audio clips/ --ab-clips 30 -o test.html\n"
               "  lpmc evaluate --ab-answers answers-*.json\n");
  app.callback([&run, flags] {
    run = [flags] {
      apply_common_options(flags->common);
      return run_evaluate(*flags);
    };
  });
}

}  // namespace lpmc::cli
