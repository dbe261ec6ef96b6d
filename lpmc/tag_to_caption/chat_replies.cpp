#include <algorithm>
#include <chrono>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/chat_run.h"
#include "lpmc/tag_to_caption/job_store_impl.h"

namespace lpmc {
namespace {

/// Refusals in a row that mean the server, not the jobs: of statuses that speak of key, money, model or
/// address, and of others (a 400 may be one job's own fault) before anything has succeeded.
constexpr std::size_t kRefusalsAfterSuccess = 5;
constexpr std::size_t kRefusalsOfOtherKind = 5;
/// Rounds of nothing but 429, each followed by a longer pause, up to a minute: money spent, not speed.
constexpr int kMostRefusedRounds = 30;
constexpr double kNearTimeout = 0.9;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_about_the_server(int status) {
  // 429 comes here only where it means "no money left".
  return status < 400 || (status >= 401 && status <= 404) || status == 429;
}

}  // namespace

void ChatRun::take_replies() {
  std::vector<std::pair<std::int64_t, ChatReply>> replies;
  {
    const std::lock_guard lock(inbox_->mutex);
    replies.swap(inbox_->replies);
  }
  for (auto& [id, reply] : replies) {
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) continue;
    Flight flight = std::move(found->second);
    in_flight_.erase(found);
    handle(std::move(flight), reply);
  }
}

void ChatRun::record(const Flight& flight, const ChatReply& reply) {
  Attempt attempt;
  attempt.model = reply.model.empty() ? setup_.chat->options().model : reply.model;
  attempt.prompt_hash = prompt_hashes_.at(flight.question.job.prompt_id);
  attempt.sampling = sampling_;
  attempt.seed = flight.seed.value_or(0);
  attempt.raw_text = reply.text;
  attempt.finish_reason = reply.finish_reason;
  if (!reply.ok) attempt.error = reply.error.empty() ? "no answer" : reply.error;
  attempt.status = reply.status;
  attempt.usage = reply.usage;
  attempt.latency_s = reply.latency_s;
  attempt.cost_usd = budget_.cost(reply.usage.prompt_tokens, reply.usage.completion_tokens);
  attempt.time_unix_ms = unix_time_ms();
  attempt.tool_version = setup_.tool_version;
  store_.record_attempt(flight.question.job.id, attempt);
}

void ChatRun::handle(Flight flight, const ChatReply& reply) {
  const double now = now_s();
  budget_.settle(flight.reserved, reply.usage);
  const auto used = static_cast<double>(reply.usage.prompt_tokens + reply.usage.completion_tokens);
  limiter_.correct(flight.expected_tokens, used, now);
  limiter_.learn(reply.limits, flight.expected_tokens, now);
  record(flight, reply);
  if (reply.status != 0) reached_ = true;
  if (!reply.ok) {
    handle_failure(std::move(flight), reply);
    return;
  }
  ++answers_;
  ++flight.question.job.answers;
  refused_rounds_ = 0;
  breaker_.succeeded();
  concurrency_.succeeded(reply.latency_s, flight.sent_s, now);
  settle_refusals();
  mean_completion_tokens_ +=
      0.05 * (static_cast<double>(reply.usage.completion_tokens) - mean_completion_tokens_);
  handle_answer(std::move(flight.question), reply.text, reply.finish_reason);
}

void ChatRun::handle_answer(Question question, std::string_view text, std::string_view finish_reason) {
  using Next = AnswerVerdict::Next;
  Job& job = question.job;
  AnswerVerdict verdict = judge_answer(rules_, prompts_.at(job.prompt_id), job, text, finish_reason);
  if (verdict.next == Next::fail) {
    fail_job(question, verdict.reason);
    return;
  }
  if (verdict.next != Next::ask_again) {
    write_verdict(store_, job.id, verdict);
    report_.job_done();
    return;
  }
  if (verdict.propose) {
    store_.propose(job.id, verdict.result, verdict.flaws);
    job.proposed_flaws = verdict.flaws;
  }
  question.query = std::move(verdict.next_query);
  ready_.push_front(std::move(question));
}

void ChatRun::fail_job(const Question& question, const std::string& error) {
  store_.fail(question.job.id, error, JobState::failed);
  report_.job_failed();
}

void ChatRun::handle_failure(Flight flight, const ChatReply& reply) {
  constexpr int kTooManyRequests = 429;
  constexpr int kUnavailable = 503;
  constexpr int kOverloaded = 529;
  if (reply.status == kTooManyRequests && reply.retry == RetryClass::retry) {
    handle_too_many(std::move(flight), reply);
    return;
  }
  if (reply.retry != RetryClass::retry) {
    if (reply.status != 0) breaker_.succeeded();
    handle_refusal(std::move(flight.question), reply);
    return;
  }
  const double now = now_s();
  const bool timed_out = reply.latency_s > kNearTimeout * setup_.chat->options().timeout_s;
  if (reply.status == kUnavailable || reply.status == kOverloaded || timed_out) {
    concurrency_.overloaded(flight.sent_s, now);
    if (reply.retry_after_s) limiter_.pause(*reply.retry_after_s, now);
  }
  breaker_.failed(now);
  if (breaker_.is_open() && !reached_) {
    refused_ = fmt::format("{}: expected a chat server, found none: {}", setup_.chat->options().base_url,
                           reply.error);
  }
  Question& question = flight.question;
  if (++question.failures >= setup_.limits.max_attempts) {
    fail_job(question, fmt::format("{} (after {} failed requests)", reply.error, question.failures));
    return;
  }
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  const double wait = setup_.backoff.wait_s(question.failures - 1, reply.retry_after_s.value_or(0), random);
  delayed_.emplace(now + wait, std::move(question));
}

void ChatRun::handle_too_many(Flight flight, const ChatReply& reply) {
  const double now = now_s();
  // The server is there, it only wants less: that is no failure of the job's, and all wait, not this one
  // alone.
  breaker_.succeeded();
  if (concurrency_.overloaded(flight.sent_s, now)) {
    ++refused_rounds_;
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    limiter_.pause(setup_.backoff.wait_s(refused_rounds_, reply.retry_after_s.value_or(0), random), now);
  }
  if (refused_rounds_ >= kMostRefusedRounds && !stop_) stop_ = RunEnd::breaker_open;
  ready_.push_front(std::move(flight.question));
}

void ChatRun::handle_refusal(Question question, const ChatReply& reply) {
  const bool server = is_about_the_server(reply.status);
  if (!server && answers_ > 0) {
    fail_job(question, reply.error);
    return;
  }
  refusals_.push_back({std::move(question), reply.error});
  std::size_t enough = kRefusalsOfOtherKind;
  if (server) enough = answers_ > 0 ? kRefusalsAfterSuccess : 1;
  if (refusals_.size() < enough) return;
  refused_ =
      fmt::format("{}: expected answers, found that the server refuses {}: {}",
                  setup_.chat->options().base_url, answers_ > 0 ? "to go on" : "every request", reply.error);
}

void ChatRun::settle_refusals() {
  for (const Refusal& refusal : refusals_)
    fail_job(refusal.question, refusal.error);
  refusals_.clear();
}

}  // namespace lpmc
