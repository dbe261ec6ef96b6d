#include <memory>

#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/tag_to_caption_run.h"
#include "lpmc/cli/terminal.h"

namespace lpmc::cli {
namespace {

using Flags = TagToCaptionFlags;

/// As for every command, and what the run does is said without -v: which model, how much was skipped.
void start_command(const Flags& flags) {
  apply_common_options(flags.common);
  if (!flags.common.quiet && flags.common.verbose == 0)
    install_log_sink(LogLevel::info, flags.common.log_format == "json");
}

int caption_tags(Flags& flags) {
  LPMC_REQUIRE(flags.format == "text" || flags.format == "json" || flags.format == "jsonl", invalid_argument,
               "--format: expected text, json or jsonl, found '{}'", replace_invalid_utf8(flags.format));
  const int sources = !flags.tags.empty() + !flags.tags_from.empty() + !flags.input.empty();
  LPMC_REQUIRE(sources <= 1, invalid_argument,
               "tag-to-caption: expected one of --tags, --tags-from and --input, found {}", sources);
  const bool has_lines = !flags.tags.empty() || !flags.tags_from.empty();
  LPMC_REQUIRE(!has_lines || flags.db.empty(), invalid_argument,
               "--db: expected --input with it; single lines are printed, not kept");
  if (!flags.input.empty() || !flags.db.empty()) return caption_dataset(flags);
  LPMC_REQUIRE(has_lines || ::isatty(STDIN_FILENO) == 0, invalid_argument,
               "tag-to-caption: expected --tags, --tags-from, --input or tags on standard input; see `lpmc "
               "tag-to-caption --help`");
  return caption_lines(flags);
}

/// Binds the sub-commands' flags and says what each runs.
class SubCommands {
 public:
  SubCommands(CLI::App& app, RunFunction& run, std::shared_ptr<Flags> flags)
      : app_(app), run_(run), flags_(std::move(flags)) {}

  CLI::App& add(CLI::App& parent, const char* name, const char* summary, int (*function)(Flags&)) {
    CLI::App& command = *parent.add_subcommand(name, summary);
    add_common_options(command, flags_->common);
    add_database_flag(command, *flags_, true);
    command.immediate_callback();  // environment variables are read when it is chosen (see main.cpp)
    command.callback([&run = run_, flags = flags_, function] {
      run = [flags, function] {
        start_command(*flags);
        return function(*flags);
      };
    });
    return command;
  }

  void add_all();

 private:
  void add_format(CLI::App& command, std::vector<std::string> names, const char* first) {
    // The variable is shared with other commands, whose default is another one.
    command.add_option("-f,--format", flags_->format, "what comes out")
        ->check(one_of(std::move(names)))
        ->envname("LPMC_FORMAT")
        ->group("Output");
    command.preparse_callback([flags = flags_, first](std::size_t) { flags->format = first; });
  }

  void add_output(CLI::App& command, const char* help) {
    add_flag_or_option(command, "-o,--output", flags_->output, help, "output")->group("Output");
  }

  void add_batch();

  CLI::App& app_;
  RunFunction& run_;
  std::shared_ptr<Flags> flags_;
};

void SubCommands::add_all() {
  CLI::App& status = add(app_, "status", "how a run stands: figures of every task", print_status);
  add_format(status, {"text", "json"}, "text");

  CLI::App& report = add(app_, "report", "the figures as an HTML page with plots", write_report);
  add_output(report, "the page; default: standard output");
  flags_->validation.add_to(report, "Validation");

  CLI::App& exported = add(app_, "export", "write the captions for others to read", export_run);
  add_format(exported, {"jsonl", "csv", "parquet", "tree", "hf", "manifest", "inference"}, "jsonl");
  add_output(exported, "a file, or for tree and hf a folder; default: standard output (jsonl, csv)");
  flags_->export_options.add_to(exported, "Output");

  CLI::App& imported =
      add(app_, "import", "take over captions of the original's {prompt}/{split}/{id}.txt tree", import_tree);
  imported.add_option("tree", flags_->tree, "the folder the original wrote")->required();
  add_source_flags(imported, *flags_);
  add_prompt_flags(imported, *flags_);
  add_validation_flags(imported, *flags_);
  add_flag_or_option(imported, "--dataset-name", flags_->dataset_name,
                     "the data set's folder in the tree, where there are several", "dataset-name");
  add_flag_or_option(imported, "--llm-model", flags_->llm_model,
                     "whose captions they are; default: gpt-3.5-turbo", "llm-model");
  add_batch();
}

void SubCommands::add_batch() {
  CLI::App& batch = *app_.add_subcommand("batch", "OpenAI's Batch API: half the price, within a day");
  batch.require_subcommand(1);
  CLI::App& submit = add(batch, "submit", "hand the waiting captions over", submit_batch);
  add_source_flags(submit, *flags_);
  add_prompt_flags(submit, *flags_);
  add_budget_flags(submit, *flags_);
  CLI::App& status = add(batch, "status", "what became of the batches", print_batches);
  CLI::App& collect = add(batch, "collect", "fetch what is ready", collect_batch);
  for (CLI::App* command : {&submit, &status, &collect}) {
    add_llm_flags(*command, *flags_);
    add_sampling_flags(*command, *flags_);
    add_validation_flags(*command, *flags_);
  }
}

}  // namespace

void add_tag_to_caption_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<Flags>();
  const auto group = "Tags";
  add_flag_or_option(app, "-t,--tags", flags->tags, "tags, separated by commas", "tags")->group(group);
  add_flag_or_option(app, "--tags-from", flags->tags_from,
                     "a file with the tags of one track a line; - is standard input", "tags-from")
      ->group(group);
  add_source_flags(app, *flags);
  add_database_flag(app, *flags, false);
  add_prompt_flags(app, *flags);
  add_llm_flags(app, *flags);
  add_sampling_flags(app, *flags);
  add_limit_flags(app, *flags);
  add_budget_flags(app, *flags);
  add_validation_flags(app, *flags);
  add_flag_or_option(app, "-f,--format", flags->format,
                     "of what is printed for lines and --dry-run: text, json", "format")
      ->group("Output");
  add_common_options(app, flags->common);
  // Flags of their own: the environment variables of this command are read when a sub-command is chosen too.
  SubCommands(app, run, std::make_shared<Flags>()).add_all();
  app.require_subcommand(0, 1);
  add_examples(app,
               "  lpmc tag-to-caption --tags \"beatbox, male voice, medium tempo\" --prompt writing\n"
               "  lpmc tag-to-caption --tags-from tags.txt --llm local --prompt all --format jsonl\n"
               "  lpmc tag-to-caption --input annotation.json --dataset musiccaps --split-file "
               "track_split.json \\\n"
               "       --split train --prompt all --db captions.sqlite --rpm 3000 --max-cost 20\n"
               "  lpmc tag-to-caption status --db captions.sqlite\n"
               "  lpmc tag-to-caption export --db captions.sqlite --format hf -o captions/\n");
  app.callback([&app, &run, flags] {
    if (!app.get_subcommands().empty()) return;
    run = [flags] {
      watch_two_interrupts();  // before any thread is started
      start_command(*flags);
      return caption_tags(*flags);
    };
  });
}

}  // namespace lpmc::cli
