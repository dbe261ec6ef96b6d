#include "lpmc/tag_to_caption/batch_api.h"

#include <algorithm>
#include <map>
#include <random>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/tag_to_caption/baselines.h"
#include "lpmc/tag_to_caption/batch_server.h"
#include "lpmc/tag_to_caption/job_store_impl.h"
#include "lpmc/tag_to_caption/run_budget.h"

namespace lpmc {
namespace {

constexpr std::size_t kChunk = 500;

bool is_open(const StoredBatch& batch) {
  return batch.state != "collected" && batch.state != "given_up";
}

/// The jobs of batches and what the store knows of them.
class BatchWork {
 public:
  explicit BatchWork(const BatchSetup& setup)
      : setup_(setup),
        store_(*setup.store),
        server_(setup),
        budget_(setup.max_cost, setup.max_tokens_total,
                {setup.price.usd_per_prompt_token * kBatchPriceShare,
                 setup.price.usd_per_completion_token * kBatchPriceShare}) {
    LPMC_REQUIRE(!setup.chat.model.empty(), invalid_argument,
                 "batch: expected a model's name (--llm-model), found none");
    LPMC_REQUIRE(setup.max_cost <= 0 || setup.price.usd_per_completion_token > 0, invalid_argument,
                 "max-cost: expected a price for the model, found none: without one it would stop nothing");
    for (Prompt& prompt : store_.prompts()) {
      hashes_.emplace(prompt.id, prompt.hash());
      prompts_.emplace(prompt.id, prompt);
    }
  }

  std::vector<BatchInfo> submit();
  std::vector<BatchInfo> status();
  BatchCollection collect();

 private:
  std::string query(const Job& job) const;
  std::string line(const Job& job) const;
  RunBudget::Amount most(const Job& job) const;
  void reserve_open_batches();
  std::optional<StoredBatch> fill();
  BatchInfo send(StoredBatch batch);
  void collect_batch(const StoredBatch& batch, const RemoteBatch& remote, BatchCollection& collection);
  void write_lines(const StoredBatch& batch, const std::vector<BatchLine>& lines,
                   BatchCollection& collection);
  void write_line(Job job, const BatchLine& line, BatchCollection& collection);

  const BatchSetup& setup_;
  JobStore& store_;
  BatchServer server_;
  RunBudget budget_;
  std::map<std::string, Prompt> prompts_;
  std::map<std::string, std::string> hashes_;
};

/// The job's next question: the first, or the repair that its last answer calls for.
std::string BatchWork::query(const Job& job) const {
  const Prompt& prompt = prompts_.at(job.prompt_id);
  if (job.answers > 0) {
    AnswerVerdict verdict = judge_answer(setup_.rules, prompt, job, job.last_answer, job.last_finish_reason);
    if (verdict.next == AnswerVerdict::Next::ask_again) return std::move(verdict.next_query);
  }
  return make_query(prompt, job.tags);
}

std::string BatchWork::line(const Job& job) const {
  ChatOptions options = setup_.chat;
  if (options.seed) options.seed = question_seed(*options.seed, job.record_id, job.prompt_id, job.answers);
  // No response_format: a batch that is refused for it has cost a day, and the answer's reader is tolerant.
  const std::string body = chat_request_body(options, query(job), AnswerFormat::plain, "none");
  return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{}}})"
                     "\n",
                     job.id, body);
}

RunBudget::Amount BatchWork::most(const Job& job) const {
  const auto bytes = static_cast<std::int64_t>(query(job).size()) + kTokensAroundMessage;
  return budget_.most(bytes, setup_.chat.max_tokens);
}

void BatchWork::reserve_open_batches() {
  budget_.set_spent(store_.spending());
  if (!budget_.has_limit()) return;
  for (const StoredBatch& batch : store_.batches()) {
    if (!is_open(batch)) continue;
    const std::vector<std::int64_t> ids = store_.batch_job_ids(batch.no);
    for (const Job& job : store_.batch_jobs(batch.no, ids))
      budget_.reserve(most(job));
  }
}

std::optional<StoredBatch> BatchWork::fill() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i)
    token += fmt::format("{:08x}", random());
  std::int64_t lines = 0;
  std::size_t bytes = 0;
  return store_.take_batch(token, [&](const Job& job) {
    if (lines >= setup_.max_lines) return false;
    const std::size_t size = line(job).size();
    const RunBudget::Amount cost = most(job);
    if (bytes + size > setup_.max_file_bytes) return false;
    if (!budget_.has_usd_for(cost) || !budget_.has_tokens_for(cost)) return false;
    budget_.reserve(cost);
    bytes += size;
    ++lines;
    return true;
  });
}

BatchInfo BatchWork::send(StoredBatch batch) {
  std::optional<RemoteBatch> remote;
  if (batch.state == "uploaded") remote = server_.find(batch.token);
  if (batch.state == "new") {
    std::string lines;
    const std::vector<std::int64_t> ids = store_.batch_job_ids(batch.no);
    for (std::size_t i = 0; i < ids.size(); i += kChunk) {
      const std::size_t count = std::min(kChunk, ids.size() - i);
      for (const Job& job : store_.batch_jobs(batch.no, std::span(ids).subspan(i, count)))
        lines += line(job);
    }
    try {
      batch.file_id = server_.upload(batch.token, lines);
    } catch (const Error&) {
      store_.close_batch(batch.no, "given_up");  // a file costs nothing: its jobs are free for another way
      throw;
    }
    batch.state = "uploaded";
    store_.update_batch(batch);
  }
  bool refused = false;
  try {
    if (!remote) remote = server_.create(batch.file_id, batch.token, refused);
  } catch (const Error&) {
    if (refused) store_.close_batch(batch.no, "given_up");
    throw;
  }
  batch.remote_id = remote->id;
  batch.state = remote->status;
  store_.update_batch(batch);
  return {batch, remote->completed, remote->failed, remote->error};
}

std::vector<BatchInfo> BatchWork::submit() {
  std::vector<BatchInfo> submitted;
  const auto send_claimed = [&](const StoredBatch& batch) {
    if (!store_.claim_batch(batch.no)) return;  // another process is at it
    submitted.push_back(send(batch));
    store_.release_batch(batch.no);
  };
  reserve_open_batches();
  for (const StoredBatch& batch : store_.batches()) {
    if (batch.state == "new" || batch.state == "uploaded") send_claimed(batch);
  }
  while (const std::optional<StoredBatch> batch = fill())
    send_claimed(*batch);
  return submitted;
}

std::vector<BatchInfo> BatchWork::status() {
  std::vector<BatchInfo> infos;
  for (StoredBatch& batch : store_.batches()) {
    BatchInfo info{batch, 0, 0, ""};
    if (is_open(batch) && !batch.remote_id.empty()) {
      const RemoteBatch remote = server_.get(batch.remote_id);
      info.batch.state = remote.status;
      info.completed = remote.completed;
      info.failed = remote.failed;
      info.error = remote.error;
      store_.update_batch(info.batch);
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

void BatchWork::write_line(Job job, const BatchLine& line, BatchCollection& collection) {
  if (line.expired) return;  // close_batch() lets it wait again
  const ChatReply& reply = line.reply;
  Attempt attempt;
  attempt.model = reply.model.empty() ? setup_.chat.model : reply.model;
  attempt.prompt_hash = hashes_.at(job.prompt_id);
  attempt.sampling = nlohmann::json{{"max_tokens", setup_.chat.max_tokens}, {"batch", true}}.dump();
  if (setup_.chat.seed) {
    attempt.seed = static_cast<std::int64_t>(
        question_seed(*setup_.chat.seed, job.record_id, job.prompt_id, job.answers));
  }
  attempt.raw_text = reply.text;
  attempt.finish_reason = reply.finish_reason;
  if (!reply.ok) attempt.error = reply.error;
  attempt.status = reply.status;
  attempt.usage = reply.usage;
  attempt.cost_usd = budget_.cost(reply.usage.prompt_tokens, reply.usage.completion_tokens);
  attempt.time_unix_ms = unix_time_ms();
  attempt.tool_version = setup_.tool_version;
  store_.record_attempt(job.id, attempt);
  if (!reply.ok) {
    if (reply.retry == RetryClass::retry) {
      store_.retry_later(job.id);
      ++collection.back_to_waiting;
    } else {
      store_.fail(job.id, reply.error, JobState::failed);
      ++collection.failed;
    }
    return;
  }
  ++job.answers;
  const AnswerVerdict verdict =
      judge_answer(setup_.rules, prompts_.at(job.prompt_id), job, reply.text, reply.finish_reason);
  if (verdict.next == AnswerVerdict::Next::ask_again) {
    if (verdict.propose) store_.propose(job.id, verdict.result, verdict.flaws);
    store_.retry_later(job.id);
    ++collection.back_to_waiting;
    return;
  }
  write_verdict(store_, job.id, verdict);
  ++(verdict.next == AnswerVerdict::Next::fail ? collection.failed : collection.done);
}

void BatchWork::write_lines(const StoredBatch& batch, const std::vector<BatchLine>& lines,
                            BatchCollection& collection) {
  std::vector<std::int64_t> ids;
  for (const BatchLine& line : lines)
    ids.push_back(line.job);
  // Lines of jobs that the batch does not hold any more were written before an interruption, or are not ours.
  std::unordered_map<std::int64_t, Job> jobs;
  for (Job& job : store_.batch_jobs(batch.no, ids))
    jobs.emplace(job.id, job);
  for (const BatchLine& line : lines) {
    const auto job = jobs.find(line.job);
    if (job == jobs.end()) continue;
    write_line(std::move(job->second), line, collection);
    jobs.erase(job);
  }
  store_.flush();
}

void BatchWork::collect_batch(const StoredBatch& batch, const RemoteBatch& remote,
                              BatchCollection& collection) {
  std::vector<BatchLine> lines;
  std::int64_t foreign = 0;
  for (const std::string& file : {remote.output_file_id, remote.error_file_id}) {
    if (file.empty()) continue;
    server_.read_lines(file, [&](std::string_view text) {
      if (text.find_first_not_of(" \r\t") == std::string_view::npos) return;
      std::optional<BatchLine> line = read_batch_line(text);
      foreign += line ? 0 : 1;
      if (line) lines.push_back(std::move(*line));
      if (lines.size() < kChunk) return;
      write_lines(batch, lines, collection);
      lines.clear();
    });
    write_lines(batch, lines, collection);
    lines.clear();
  }
  if (foreign > 0) log(LogLevel::warning, "batch {}: {} lines are no results", remote.id, foreign);
  if (!remote.error.empty())
    log(LogLevel::warning, "batch {}: {}: {}", remote.id, remote.status, remote.error);
  collection.back_to_waiting +=
      store_.close_batch(batch.no, remote.status == "failed" ? "given_up" : "collected");
  ++collection.batches;
}

BatchCollection BatchWork::collect() {
  BatchCollection collection;
  for (StoredBatch& batch : store_.batches()) {
    if (!is_open(batch) || batch.remote_id.empty()) continue;
    const RemoteBatch remote = server_.get(batch.remote_id);
    batch.state = remote.status;
    store_.update_batch(batch);
    if (!remote.has_ended() || !store_.claim_batch(batch.no)) {
      ++collection.running;
      continue;
    }
    collect_batch(batch, remote, collection);
  }
  return collection;
}

}  // namespace

std::vector<BatchInfo> submit_batches(const BatchSetup& setup) {
  return BatchWork(setup).submit();
}

std::vector<BatchInfo> batch_status(const BatchSetup& setup) {
  return BatchWork(setup).status();
}

BatchCollection collect_batches(const BatchSetup& setup) {
  return BatchWork(setup).collect();
}

}  // namespace lpmc
