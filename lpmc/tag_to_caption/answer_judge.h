#pragma once

#include <string>
#include <string_view>

#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/prompts.h"
#include "lpmc/tag_to_caption/validation.h"

namespace lpmc {

/// What becomes of a caption with flaws. keep: not even looked at; flag: kept with the report; retry: asked
/// for again with what was wrong, the best answer kept; drop: not kept.
enum class FlawPolicy { keep, flag, retry, drop };

/// "keep", "flag", "retry", "drop". @throws Error(invalid_argument) listing the names
FlawPolicy parse_flaw_policy(std::string_view name);

struct AnswerRules {
  FlawPolicy policy = FlawPolicy::flag;
  int max_repairs = 2;  ///< questions after the first, for a flaw or an answer that cannot be read
  ValidationOptions validation;
  const MusicVocabulary* vocabulary = nullptr;  ///< must live; nullptr: the built-in one
  WordKnowledge words;
};

struct AnswerVerdict {
  enum class Next { accept, accept_proposed, ask_again, fail, drop } next = Next::fail;
  JobResult result;
  bool propose = false;    ///< with ask_again: keep `result` until a better one comes
  int flaws = 0;           ///< of `result`
  std::string next_query;  ///< with ask_again
  std::string reason;      ///< with fail and drop
};

/// Decides on an answer: reads it, validates it, applies the policy. The same for live requests, batches,
/// writers and answers found in the database, so that an interrupted run ends as an uninterrupted one.
/// @param job with `answers` counting this one
AnswerVerdict judge_answer(const AnswerRules& rules, const Prompt& prompt, const Job& job,
                           std::string_view text, std::string_view finish_reason);

/// Writes a verdict that ends the job (not ask_again) to the store's queue.
void write_verdict(JobStore& store, std::int64_t job, const AnswerVerdict& verdict);

}  // namespace lpmc
