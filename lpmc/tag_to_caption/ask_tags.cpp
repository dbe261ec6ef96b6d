#include "lpmc/tag_to_caption/ask_tags.h"

#include <atomic>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "lpmc/dataset/clean_tags.h"
#include "lpmc/dataset/python_list.h"
#include "lpmc/tag_to_caption/baselines.h"

namespace lpmc {
namespace {

/// All tasks of one call.
struct Asking {
  TagAsker asker;
  std::vector<std::string> tags;
  std::vector<Prompt> prompts;
  std::optional<std::int64_t> seed;
  std::function<void(std::vector<TagCaption>&&)> done;
  std::vector<TagCaption> captions;
  std::atomic<std::size_t> open = 0;

  void one_ended() {
    if (--open == 0) done(std::move(captions));
  }
};

void add_notes(const std::string& validation, TagCaption& caption) {
  if (validation.empty()) return;
  const auto report = nlohmann::json::parse(validation);
  caption.valid = report.at("flaws").empty();
  const auto add = [&](const char* words, const char* key) {
    const auto found = report.find(key);
    if (found == report.end() || found->empty()) return;
    caption.notes.push_back(
        fmt::format("{}: {}", words, fmt::join(found->get<std::vector<std::string>>(), ", ")));
  };
  add("flaws", "flaws");
  add("not mentioned", "missing");
  add("added", "added");
  add("contradictions", "contradictions");
}

void take_result(JobResult&& result, TagCaption& caption) {
  caption.caption = std::move(result.caption);
  caption.new_attributes = std::move(result.new_attributes);
  caption.valid = true;
  add_notes(result.validation, caption);
}

void ask(const std::shared_ptr<Asking>& asking, std::size_t index, std::string query, Job job,
         std::optional<JobResult> proposed) {
  const Prompt& prompt = asking->prompts[index];
  const AnswerFormat format = prompt.expects_dictionary ? AnswerFormat::dictionary : AnswerFormat::plain;
  std::optional<std::int64_t> seed;
  if (asking->seed) seed = question_seed(*asking->seed, "", prompt.id, job.answers);
  const auto answered = [asking, index, job = std::move(job),
                         proposed = std::move(proposed)](ChatReply&& reply) mutable {
    TagCaption& caption = asking->captions[index];
    if (!reply.ok) {
      caption.error = reply.error;
      return asking->one_ended();
    }
    ++job.answers;
    AnswerVerdict verdict =
        judge_answer(asking->asker.rules, asking->prompts[index], job, reply.text, reply.finish_reason);
    if (verdict.next == AnswerVerdict::Next::ask_again) {
      if (verdict.propose) {
        proposed = std::move(verdict.result);
        job.proposed_flaws = verdict.flaws;
      }
      return ask(asking, index, std::move(verdict.next_query), std::move(job), std::move(proposed));
    }
    if (verdict.next == AnswerVerdict::Next::accept_proposed && proposed) {
      take_result(std::move(*proposed), caption);
    } else if (verdict.next == AnswerVerdict::Next::accept) {
      take_result(std::move(verdict.result), caption);
    } else {
      caption.error = verdict.reason;
    }
    asking->one_ended();
  };
  asking->asker.chat->ask(std::move(query), format, seed, answered);
}

}  // namespace

std::vector<std::string> cleaned_tags(std::vector<std::string> tags) {
  std::size_t too_long = 0;
  tags = clean_tags(std::move(tags), too_long);
  LPMC_REQUIRE(too_long == 0, invalid_argument, "tags: expected at most {} bytes each, found more",
               kMaxTagBytes);
  LPMC_REQUIRE(!tags.empty(), invalid_argument, "tags: expected at least one, found none");
  return tags;
}

std::vector<std::string> tags_of_line(const std::string& line) {
  if (const auto list = line.starts_with('[') ? parse_python_list(line) : std::nullopt; list)
    return cleaned_tags(*list);
  std::vector<std::string> tags;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    tags.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return cleaned_tags(std::move(tags));
}

void ask_tags(const TagAsker& asker, std::vector<std::string> tags, std::vector<Prompt> prompts,
              std::optional<std::int64_t> seed, std::function<void(std::vector<TagCaption>&&)> done) {
  const auto asking = std::make_shared<Asking>();
  asking->asker = asker;
  asking->tags = std::move(tags);
  asking->prompts = std::move(prompts);
  asking->seed = seed;
  asking->done = std::move(done);
  asking->captions.resize(asking->prompts.size());
  asking->open = asking->prompts.size() + 1;  // and this call
  for (std::size_t i = 0; i < asking->prompts.size(); ++i) {
    const Prompt& prompt = asking->prompts[i];
    TagCaption& caption = asking->captions[i];
    caption.prompt = prompt.id;
    if (asker.chat == nullptr) {
      caption.query = fmt::format("{}", fmt::join(asking->tags, ", "));
      caption.caption = asker.writer(prompt, asking->tags, static_cast<std::uint64_t>(seed.value_or(0)));
      caption.valid = !caption.caption.empty();
      asking->one_ended();
      continue;
    }
    caption.query = make_query(prompt, asking->tags);
    Job job;
    job.prompt_id = prompt.id;
    job.tags = asking->tags;
    ask(asking, i, caption.query, std::move(job), std::nullopt);
  }
  asking->one_ended();
}

}  // namespace lpmc
