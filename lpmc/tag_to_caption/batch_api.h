#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lpmc/http/http_client.h"
#include "lpmc/tag_to_caption/answer_judge.h"
#include "lpmc/tag_to_caption/chat_client.h"
#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/prices.h"

namespace lpmc {

/// What batches of OpenAI's Batch API are made with: the same database as live runs, so that jobs of one way
/// can be finished in the other.
struct BatchSetup {
  JobStore* store = nullptr;
  HttpClient* http = nullptr;
  HttpClientOptions http_options;  ///< as `http` was made with: a batch is made over a connection of its own
  ChatOptions chat;                ///< base_url "https://api.openai.com/v1"; a model must be named
  AnswerRules rules;
  ModelPrice price;                   ///< of live requests; batches cost kBatchPriceShare of it
  double max_cost = 0;                ///< as RunLimits; open batches count with the most that they can cost
  std::int64_t max_tokens_total = 0;  ///< likewise
  std::int64_t max_lines = 50'000;    ///< of one batch
  std::size_t max_file_bytes = 100'000'000;  ///< likewise
  std::string tool_version;
  Backoff backoff;
};

/// A batch and what the server says of it.
struct BatchInfo {
  StoredBatch batch;
  std::int64_t completed = 0, failed = 0;  ///< requests, by the server's count
  std::string error;                       ///< of a batch that the server refused as a whole
};

struct BatchCollection {
  std::int64_t batches = 0;                                ///< collected now
  std::int64_t running = 0;                                ///< not ready yet
  std::int64_t done = 0, failed = 0, back_to_waiting = 0;  ///< jobs
};

/// Hands all waiting jobs over in batches, as far as the budget goes. A submission that was interrupted is
/// taken up again: a batch that the server has already is found by its token, not paid again.
/// @return the batches that were submitted now
/// @throws Error(remote) naming what the server said; jobs of a batch that it refused wait again
std::vector<BatchInfo> submit_batches(const BatchSetup& setup);

/// Asks the server for every batch that is not collected; writes its word to the store.
std::vector<BatchInfo> batch_status(const BatchSetup& setup);

/// Fetches the results of batches that have ended (completed, expired, cancelled, failed). Jobs without a
/// result, with a passing error, or with an answer to be repaired wait again. Cut off at any instant, it goes
/// on where it was.
BatchCollection collect_batches(const BatchSetup& setup);

}  // namespace lpmc
