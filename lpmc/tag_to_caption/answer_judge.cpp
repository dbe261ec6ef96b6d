#include "lpmc/tag_to_caption/answer_judge.h"

#include <optional>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/answer.h"

namespace lpmc {
namespace {

/// Tasks that say "including the following attributes" and no more; the other two invite new ones.
bool forbids_new_attributes(const Prompt& prompt) {
  return prompt.id == "writing" || prompt.id == "summary";
}

std::string flaw_names(const ValidationReport& report) {
  std::string names;
  for (const Flaw flaw : report.flaws) {
    if (!names.empty()) names += ", ";
    names += to_string(flaw);
  }
  return names;
}

AnswerVerdict unreadable(const AnswerRules& rules, const Prompt& prompt, const Job& job,
                         std::string_view finish_reason) {
  AnswerVerdict verdict;
  if (job.answers <= rules.max_repairs) {
    verdict.next = AnswerVerdict::Next::ask_again;
    verdict.next_query = make_query(prompt, job.tags);
    return verdict;
  }
  if (job.proposed_flaws) {
    verdict.next = AnswerVerdict::Next::accept_proposed;
    return verdict;
  }
  verdict.reason = fmt::format("expected {}, found none in {} answers (finish reason: {})",
                               prompt.expects_dictionary ? "a dictionary with a description" : "a sentence",
                               job.answers, finish_reason.empty() ? "none given" : finish_reason);
  return verdict;
}

void apply_policy(const AnswerRules& rules, const Job& job, const ValidationReport& report,
                  AnswerVerdict& verdict) {
  using Next = AnswerVerdict::Next;
  verdict.next = Next::accept;
  if (report.ok() || rules.policy == FlawPolicy::flag) return;
  if (rules.policy == FlawPolicy::drop) {
    verdict.next = Next::drop;
    verdict.reason = flaw_names(report);
    return;
  }
  const bool better = !job.proposed_flaws || verdict.flaws < *job.proposed_flaws;
  if (job.answers <= rules.max_repairs) {
    verdict.next = Next::ask_again;
    verdict.propose = better;
  } else if (!better) {
    verdict.next = Next::accept_proposed;
  }
}

}  // namespace

FlawPolicy parse_flaw_policy(std::string_view name) {
  if (name == "keep") return FlawPolicy::keep;
  if (name == "flag") return FlawPolicy::flag;
  if (name == "retry") return FlawPolicy::retry;
  if (name == "drop") return FlawPolicy::drop;
  fail(ErrorKind::invalid_argument, "policy: expected keep, flag, retry or drop, found '{}'", name);
}

AnswerVerdict judge_answer(const AnswerRules& rules, const Prompt& prompt, const Job& job,
                           std::string_view text, std::string_view finish_reason) {
  std::optional<Answer> answer =
      prompt.expects_dictionary ? parse_dictionary_answer(text) : parse_plain_answer(text);
  if (!answer) return unreadable(rules, prompt, job, finish_reason);
  AnswerVerdict verdict;
  verdict.result.caption = std::move(answer->caption);
  verdict.result.new_attributes = std::move(answer->new_attributes);
  if (rules.policy == FlawPolicy::keep) {
    verdict.next = AnswerVerdict::Next::accept;
    return verdict;
  }
  static const MusicVocabulary built_in;
  ValidationOptions options = rules.validation;
  if (forbids_new_attributes(prompt)) options.allow_added = false;
  const std::string query = make_query(prompt, job.tags);
  const CaptionToCheck item{verdict.result.caption, query, finish_reason, prompt.id, job.tags};
  const ValidationReport report = validate_caption(
      item, options, rules.vocabulary != nullptr ? *rules.vocabulary : built_in, rules.words);
  verdict.result.validation = report.to_json();
  verdict.flaws = static_cast<int>(report.flaws.size());
  apply_policy(rules, job, report, verdict);
  if (verdict.next == AnswerVerdict::Next::ask_again) {
    verdict.next_query = repair_query(query, verdict.result.caption, report);
  }
  return verdict;
}

void write_verdict(JobStore& store, std::int64_t job, const AnswerVerdict& verdict) {
  using Next = AnswerVerdict::Next;
  switch (verdict.next) {
    case Next::accept:
      store.finish(job, verdict.result);
      break;
    case Next::accept_proposed:
      store.finish_proposed(job);
      break;
    case Next::drop:
      store.fail(job, verdict.reason, JobState::dropped);
      break;
    case Next::fail:
      store.fail(job, verdict.reason, JobState::failed);
      break;
    case Next::ask_again:
      break;
  }
}

}  // namespace lpmc
