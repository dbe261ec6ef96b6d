#include "lpmc/cli/serve_tags.h"

#include <optional>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/cli/tag_to_caption_key.h"
#include "lpmc/cli/tag_to_caption_llm.h"
#include "lpmc/cli/tag_to_caption_run.h"
#include "lpmc/server/tag_captions.h"

namespace lpmc::cli {

struct ServeTags::Impl {
  TagToCaptionFlags flags;
  Secret key;
  std::optional<CaptionRules> rules;
  std::optional<LanguageModel> model;

  TagAsker asker() const {
    RunSetup setup;
    model->prepare(setup);
    return {setup.chat, setup.writer, rules->rules()};
  }
};

ServeTags::ServeTags() : impl_(std::make_unique<Impl>()) {}

ServeTags::~ServeTags() {
  captioning_.reset();
}

void ServeTags::add_flags(CLI::App& app) {
  const auto group = "Language model";
  TagToCaptionFlags& flags = impl_->flags;
  add_flag_or_option(app, "--llm", flags.llm,
                     "for tags to captions: none, or as `lpmc tag-to-caption --llm`: auto, openai, local, "
                     "embedded, template, tag-concat, or the URL of a server",
                     "llm")
      ->group(group);
  add_flag_or_option(app, "--llm-model", flags.llm_model,
                     "the model's name; default: gpt-4o-mini at OpenAI, else the server's first", "llm-model")
      ->group(group);
  add_flag_or_option(app, "--llm-api-key-file", flags.api_key_file,
                     "a file that holds the language model's key; default: the environment variable "
                     "OPENAI_API_KEY",
                     "llm-api-key-file")
      ->group(group);
  add_flag_or_option(app, "--llama-server", flags.llama_server, "llama.cpp's server for --llm local",
                     "llama-server")
      ->group(group);
  add_flag_or_option(app, "--gguf", flags.gguf, "weights for --llm local", "gguf")->group(group);
}

void ServeTags::take_key() {
  impl_->key = take_api_key(impl_->flags.api_key_file);
}

void ServeTags::open(int threads, const std::stop_token& stop) {
  TagToCaptionFlags& flags = impl_->flags;
  flags.common.threads = threads;
  reason_ = "started with --llm none";
  if (flags.llm == "none") return;
  try {
    const LlmChoice choice = choose_llm(flags, impl_->key);
    impl_->rules.emplace(flags, nullptr);
    impl_->model.emplace(choice, flags, impl_->key, stop);
    const LlmChoice& opened = impl_->model->choice();
    const char* const kind = opened.is_baseline()            ? "baseline"
                             : opened.kind == LlmKind::local ? "local"
                                                             : "server";
    captioning_ = std::make_shared<TagCaptionApi>(impl_->asker(), opened.model, kind);
  } catch (const Error& error) {
    if (flags.llm != "auto" || error.kind() == ErrorKind::cancelled) throw;
    log(LogLevel::info, "no language model: {}", error.what());
    reason_ = "none was found where it was started; --llm names one";
  }
}

}  // namespace lpmc::cli
