#include "lpmc/cli/tag_to_caption_flags.h"

#include "lpmc/base/error.h"
#include "lpmc/cli/version.h"

namespace lpmc::cli {

void add_source_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Data set";
  add_flag_or_option(app, "-i,--input", flags.input,
                     "annotation JSON of the original, MusicCaps' CSV, or a JSONL manifest", "input")
      ->group(group);
  add_flag_or_option(app, "--dataset", flags.dataset, "how --input is laid out", "dataset")
      ->check(one_of({"auto", "musiccaps", "mtat", "msd", "ecals", "manifest"}))
      ->group(group);
  add_flag_or_option(app, "--split-file", flags.split_file,
                     "the data set's track_split.json; for MSD, train is train + extra", "split-file")
      ->group(group);
  app.add_option("--split", flags.splits, "only these splits (train, valid, test); default: all")
      ->delimiter(',')
      ->envname(environment_name("split"))
      ->group(group);
}

void add_prompt_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Prompt";
  add_flag_or_option(app, "-p,--prompt", flags.prompt, "the task; all = the four published ones", "prompt")
      ->check(one_of({"writing", "summary", "paraphrase", "attribute_prediction", "all"}))
      ->group(group);
  add_flag_or_option(app, "--prompt-file", flags.prompt_file,
                     "a task of your own: a text file; {tags} in it is where the tags go", "prompt-file")
      ->group(group);
}

void add_database_flag(CLI::App& app, TagToCaptionFlags& flags, bool required) {
  CLI::Option* option = add_flag_or_option(
      app, "--db", flags.db, "the run's database: everything asked and answered, so that it can go on", "db");
  option->group("Data set")->required(required);
}

void add_llm_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Language model";
  add_flag_or_option(app, "--llm", flags.llm,
                     "auto, openai, local (a llama-server of our own), embedded, template, tag-concat "
                     "(baselines), or the URL of a server",
                     "llm")
      ->group(group);
  add_flag_or_option(app, "--llm-model", flags.llm_model,
                     "the model's name; default: gpt-4o-mini at OpenAI, else the server's first", "llm-model")
      ->group(group);
  add_flag_or_option(app, "--api-key-file", flags.api_key_file,
                     "a file that holds the API key; default: the environment variable OPENAI_API_KEY",
                     "api-key-file")
      ->group(group);
  add_flag_or_option(app, "--timeout", flags.timeout_s, "seconds that an answer may take", "timeout")
      ->check(CLI::Range(0.1, 86400.0))
      ->group(group);
  add_flag_or_option(app, "--llama-server", flags.llama_server,
                     "llama.cpp's server for --llm local; default: on PATH, or in lpmc's data folder",
                     "llama-server")
      ->group(group);
  add_flag_or_option(app, "--gguf", flags.gguf,
                     "weights for --llm local; default: what `lpmc model pull` or "
                     "scripts/install_local_llm.sh fetched",
                     "gguf")
      ->group(group);
}

void add_sampling_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Sampling";
  app.add_option("--temperature", flags.temperature, "default: the server's, as in the publication")
      ->check(CLI::Range(0.0, 100.0))
      ->envname(environment_name("temperature"))
      ->group(group);
  app.add_option("--top-p", flags.top_p, "default: the server's")
      ->check(CLI::Range(0.0, 1.0))
      ->envname(environment_name("top-p"))
      ->group(group);
  app.add_option("--seed", flags.seed, "each question's seed is derived from it; default: none, 0 for local")
      ->envname(environment_name("seed"))
      ->group(group);
  add_flag_or_option(app, "--max-tokens", flags.max_tokens, "most tokens of an answer", "max-tokens")
      ->check(CLI::Range(1, 1'000'000))
      ->group(group);
}

void add_budget_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Limits";
  add_flag_or_option(app, "--max-cost", flags.limits.max_cost,
                     "US dollars, over all runs on the database: a hard stop; 0 = none", "max-cost")
      ->group(group);
  add_flag_or_option(app, "--max-tokens-total", flags.limits.max_tokens_total,
                     "tokens, over all runs on the database: a hard stop; 0 = none", "max-tokens-total")
      ->group(group);
  add_flag_or_option(app, "--prices", flags.prices,
                     "a price table like data/llm_prices.json, to be used instead of it", "prices")
      ->group(group);
}

void add_limit_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Limits";
  CLI::Option* concurrency = add_flag_or_option(app, "--concurrency", flags.limits.concurrency,
                                                "most requests in flight; adapts below that", "concurrency");
  concurrency->check(CLI::Range(1, 10'000))->group(group);
  concurrency->each([&flags](const std::string&) { flags.concurrency_given = true; });
  add_flag_or_option(app, "--rpm", flags.limits.rpm, "requests a minute; 0 = what the server says", "rpm")
      ->group(group);
  add_flag_or_option(app, "--tpm", flags.limits.tpm, "tokens a minute; 0 = what the server says", "tpm")
      ->group(group);
  add_flag_or_option(app, "--max-attempts", flags.limits.max_attempts,
                     "failed requests until a caption counts as failed", "max-attempts")
      ->check(CLI::Range(1, 1000))
      ->group(group);
  add_flag_or_option(app, "--dry-run", flags.dry_run,
                     "ask nothing: print requests, tokens, price and hours of this input", "dry-run")
      ->group(group);
  add_flag_or_option(app, "--retry-failed", flags.retry_failed, "ask again for what failed in earlier runs",
                     "retry-failed")
      ->group(group);
}

void add_validation_flags(CLI::App& app, TagToCaptionFlags& flags) {
  const auto group = "Validation";
  add_flag_or_option(
      app, "--policy", flags.policy,
      "captions with flaws: keep = do not look, flag = note them, retry = ask for better, drop", "policy")
      ->check(one_of({"keep", "flag", "retry", "drop"}))
      ->group(group);
  add_flag_or_option(app, "--max-repairs", flags.max_repairs, "questions after the first, for one caption",
                     "max-repairs")
      ->check(CLI::Range(0, 100))
      ->group(group);
  add_flag_or_option(app, "--vocabulary", flags.vocabulary,
                     "musical terms that count as attributes: builtin, input (the tags of the data set), or "
                     "a file of one a line",
                     "vocabulary")
      ->group(group);
  add_flag_or_option(
      app, "--wordnet", flags.wordnet,
      "WordNet's dict folder, for synonyms in the coverage of tags; default: as installed, else "
      "without",
      "wordnet")
      ->group(group);
  flags.validation.add_to(app, group);
}

std::vector<Prompt> chosen_prompts(const TagToCaptionFlags& flags) {
  if (flags.prompt_file.empty()) return find_prompts(flags.prompt);
  return {read_prompt_file(flags.prompt_file)};
}

std::string tool_version() {
  const std::string text = version_text();
  return text.substr(0, text.find('\n'));
}

}  // namespace lpmc::cli
