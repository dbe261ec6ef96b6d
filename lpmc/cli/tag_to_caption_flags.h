#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "lpmc/cli/common_options.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/tag_to_caption/export.h"
#include "lpmc/tag_to_caption/prompts.h"
#include "lpmc/tag_to_caption/runner.h"
#include "lpmc/tag_to_caption/validation.h"

namespace lpmc::cli {

/// The command line of `lpmc tag-to-caption` and its sub-commands; each takes the parts it needs.
struct TagToCaptionFlags {
  CommonOptions common;
  // What is captioned.
  std::string tags, tags_from, input, dataset = "auto", split_file;
  std::vector<std::string> splits;
  std::string prompt = "writing", prompt_file;
  std::string db;
  // Who captions.
  std::string llm = "auto", llm_model, api_key_file, llama_server, gguf;
  std::optional<double> temperature, top_p;
  std::optional<std::int64_t> seed;
  int max_tokens = 256;
  double timeout_s = 300;
  std::string prices;
  // How hard.
  RunLimits limits;
  bool concurrency_given = false;
  bool dry_run = false, retry_failed = false;
  // What is good enough.
  std::string policy = "flag";
  int max_repairs = 2;
  std::string vocabulary = "builtin", wordnet;
  BoundOptions<ValidationOptions> validation;
  // What comes out.
  std::string format = "text", output;
  BoundOptions<ExportOptions> export_options;
  // What is taken over.
  std::string tree, dataset_name;
};

void add_source_flags(CLI::App& app, TagToCaptionFlags& flags);
void add_prompt_flags(CLI::App& app, TagToCaptionFlags& flags);
void add_database_flag(CLI::App& app, TagToCaptionFlags& flags, bool required);
void add_llm_flags(CLI::App& app, TagToCaptionFlags& flags);
void add_sampling_flags(CLI::App& app, TagToCaptionFlags& flags);
void add_budget_flags(CLI::App& app, TagToCaptionFlags& flags);
void add_limit_flags(CLI::App& app, TagToCaptionFlags& flags);
void add_validation_flags(CLI::App& app, TagToCaptionFlags& flags);

/// --prompt or --prompt-file.
std::vector<Prompt> chosen_prompts(const TagToCaptionFlags& flags);

/// "lpmc 0.1.0 (commit)", as it stands with every caption.
std::string tool_version();

}  // namespace lpmc::cli
