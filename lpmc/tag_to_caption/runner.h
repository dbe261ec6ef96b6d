#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lpmc/http/http_client.h"
#include "lpmc/tag_to_caption/answer.h"
#include "lpmc/tag_to_caption/answer_judge.h"
#include "lpmc/tag_to_caption/baselines.h"
#include "lpmc/tag_to_caption/chat_client.h"
#include "lpmc/tag_to_caption/circuit_breaker.h"
#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/prompts.h"
#include "lpmc/tag_to_caption/validation.h"

namespace lpmc {

/// What a run is limited by. 0 = no limit of ours (the server's headers still count).
struct RunLimits {
  int concurrency = 32;  ///< most requests in flight; adapts downwards on 429 and rising latency, and back
  double rpm = 0;        ///< requests a minute
  double tpm = 0;        ///< tokens a minute
  double max_cost = 0;   ///< US dollars, over all runs on the database: a hard stop
  std::int64_t max_tokens_total = 0;  ///< likewise
  int max_attempts = 10;  ///< failed requests of one job in one run until it fails; 429 does not count
};

struct RunProgress {
  std::int64_t total = 0, done = 0, failed = 0, in_flight = 0;  ///< done: also dropped
  double jobs_per_s = 0, cost_usd = 0, eta_s = 0;
  std::int64_t tokens = 0;
  std::string note;  ///< "waiting 20 s: the server asked for it", "" = nothing special
};

/// Writes a caption for a query without a server: the baselines, the embedded writer. Called on one thread.
using WriterFn =
    std::function<std::string(const Prompt&, std::span<const std::string> tags, std::uint64_t seed)>;

struct RunSetup {
  JobStore* store = nullptr;
  ChatClient* chat = nullptr;  ///< or
  WriterFn writer;
  std::string writer_name;
  RunLimits limits;
  FlawPolicy policy = FlawPolicy::flag;
  int max_repairs = 2;
  ValidationOptions validation;
  const MusicVocabulary* vocabulary = nullptr;  ///< nullptr: the built-in one
  WordKnowledge words;
  /// Of a writer; every question's own seed is derived from it (question_seed). Questions to a chat server
  /// have seeds where chat->options().seed is set, derived from that.
  std::int64_t seed = 0;
  double usd_per_prompt_token = 0, usd_per_completion_token = 0;
  std::function<void(const RunProgress&)> on_progress;  ///< some ten times a second, on the calling thread
  std::stop_token finish_in_flight;                     ///< first Ctrl-C: no new requests
  std::stop_token stop_now;                             ///< second: what is in flight goes back to waiting
  std::string tool_version;                             ///< written with every attempt
  Backoff backoff;                                      ///< between the attempts of a job
  BreakerOptions breaker;
};

enum class RunEnd { all_done, some_failed, cost_reached, tokens_reached, interrupted, breaker_open };

/// Works through the store's waiting jobs, of all its prompts, until none is left, here or in another
/// process, or a limit is reached. Duplicates are not judged here: which of two is the first depends on the
/// order of answers; the report over the whole data set does (DuplicateIndex).
/// @throws Error(remote) when every request fails the same way at the start (wrong key, no such model, no
/// chat server), or the server refuses everything from some time on (key revoked, no money left): its jobs
/// wait on.
/// @throws Error(io) when the database cannot be written (full disk) for half a minute; what was written
/// stays
/// @throws Error(invalid_argument) for limits that make no sense, and for max_cost without a price
RunEnd run_jobs(const RunSetup& setup);

}  // namespace lpmc
