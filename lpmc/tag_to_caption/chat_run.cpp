#include "lpmc/tag_to_caption/chat_run.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

/// A process that is gone and cannot be seen (another container) is waited for this long.
constexpr double kLeaseS = 60;
constexpr double kRenewS = 15;
/// Results wait this long to be written together; what a kill can lose.
constexpr double kWriteS = 0.05;
/// A full disk is waited for; answers that are paid for wait in memory meanwhile.
constexpr double kStorePatienceS = 30;
constexpr double kWriteAgainS = 1;
/// Others hold jobs: look again whether some came back.
constexpr double kLookAgainS = 0.5;
constexpr double kTickS = 0.1;
constexpr std::size_t kMostTaken = 1024;
constexpr std::size_t kMostDelayed = 4096;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string sampling_json(const ChatOptions& options) {
  nlohmann::json sampling = {{"max_tokens", options.max_tokens}};
  if (options.temperature) sampling["temperature"] = *options.temperature;
  if (options.top_p) sampling["top_p"] = *options.top_p;
  return sampling.dump();
}

}  // namespace

ChatRun::ChatRun(const RunSetup& setup)
    : setup_(setup),
      store_(*setup.store),
      rules_{setup.policy, setup.max_repairs, setup.validation, setup.vocabulary, setup.words},
      sampling_(sampling_json(setup.chat->options())),
      limiter_(setup.limits.rpm, setup.limits.tpm),
      concurrency_(setup.limits.concurrency, setup.chat->options().timeout_s),
      breaker_(setup.breaker),
      budget_(setup.limits.max_cost, setup.limits.max_tokens_total,
              {setup.usd_per_prompt_token, setup.usd_per_completion_token}),
      report_(setup.on_progress, setup.store->counts()),
      mean_completion_tokens_(setup.chat->options().max_tokens / 4.0),
      take_count_(static_cast<std::size_t>(std::clamp(2 * setup.limits.concurrency, 16, 256))) {
  for (Prompt& prompt : store_.prompts()) {
    prompt_hashes_.emplace(prompt.id, prompt.hash());
    prompts_.emplace(prompt.id, prompt);
  }
  budget_.set_spent(store_.spending());
}

void ChatRun::Inbox::wake() {
  const std::lock_guard lock(mutex);
  woken = true;
  arrived.notify_one();
}

RunEnd ChatRun::run() {
  const auto wake = [inbox = inbox_] { inbox->wake(); };
  const std::stop_callback on_finish(setup_.finish_in_flight, wake);
  const std::stop_callback on_stop(setup_.stop_now, wake);
  while (true) {
    take_replies();
    check_stops();
    write();
    refill();
    send_ready();
    tell(false);
    const bool landed = in_flight_.empty() || leave_now_ || refused_;
    if ((stop_ || refused_) && landed && (store_error_ == nullptr || leave_now_)) {
      return leave(stop_.value_or(RunEnd::interrupted));
    }
    if (is_idle() && !refusals_.empty()) settle_refusals();
    if (is_idle() && drained_) return leave(RunEnd::all_done);
    wait();
  }
}

void ChatRun::check_stops() {
  if (setup_.stop_now.stop_requested()) leave_now_ = true;
  if (leave_now_ || setup_.finish_in_flight.stop_requested()) stop_ = RunEnd::interrupted;
  if (stop_ || !breaker_.has_given_up()) return;
  stop_ = RunEnd::breaker_open;
}

/// @return false when the database could not be written just now
bool ChatRun::write_guarded(const std::function<void()>& action) {
  try {
    action();
    store_error_ = nullptr;
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    const double now = now_s();
    if (store_error_ == nullptr) store_failed_s_ = now;
    store_error_ = std::current_exception();
    write_again_s_ = now + kWriteAgainS;
    if (now - store_failed_s_ < kStorePatienceS) return false;
    throw;
  }
}

void ChatRun::write() {
  const double now = now_s();
  if (store_error_ != nullptr && now < write_again_s_) return;
  const bool renews = store_error_ != nullptr || now - renewed_s_ >= kRenewS;
  const bool flushes = store_.queued() > 0 && (now - written_s_ >= kWriteS || store_error_ != nullptr);
  if (!renews && !flushes) return;
  write_guarded([&] {
    store_.flush();
    if (renews) {
      store_.renew(kLeaseS);
      renewed_s_ = now;
    }
    budget_.set_spent(store_.spending());
    written_s_ = now;
  });
}

void ChatRun::refill() {
  const double now = now_s();
  if (is_stopping() || ready_.size() >= static_cast<std::size_t>(concurrency_.limit())) return;
  if (delayed_.size() >= kMostDelayed || breaker_.is_open()) return;
  const bool idle = is_idle();
  if (now < look_again_s_ && (!idle || looked_idle_)) return;
  // Many at once where they go fast, few where other processes could do them meanwhile.
  if (taken_s_ > 0 && now - taken_s_ < 0.1) take_count_ = std::min(take_count_ * 2, kMostTaken);
  if (now - taken_s_ > 2) take_count_ = std::max<std::size_t>(take_count_ / 2, 16);
  std::vector<Job> jobs;
  bool others = true;
  const bool written = write_guarded([&] {
    jobs = store_.take(take_count_, kLeaseS);
    if (jobs.empty() && idle) others = store_.others_hold_jobs();
  });
  if (!written) return;
  taken_s_ = renewed_s_ = now;
  looked_idle_ = jobs.empty() && idle;
  drained_ = looked_idle_ && !others;
  if (jobs.empty()) look_again_s_ = now + kLookAgainS;
  for (Job& job : jobs)
    accept_job(std::move(job));
}

void ChatRun::accept_job(Job job) {
  const auto prompt = prompts_.find(job.prompt_id);
  if (prompt == prompts_.end()) {  // another process has added it since
    for (Prompt& added : store_.prompts()) {
      prompt_hashes_.emplace(added.id, added.hash());
      prompts_.emplace(added.id, added);
    }
  }
  Question question;
  question.query = make_query(prompts_.at(job.prompt_id), job.tags);
  question.job = std::move(job);
  if (question.job.answers == 0) {
    ready_.push_back(std::move(question));
    return;
  }
  // Answered, but killed before the next question: the answer is judged again, not paid again.
  const std::string text = question.job.last_answer;
  const std::string finish_reason = question.job.last_finish_reason;
  handle_answer(std::move(question), text, finish_reason);
}

void ChatRun::send_ready() {
  next_send_s_ = 0;
  while (!is_stopping() && in_flight_.size() < static_cast<std::size_t>(concurrency_.limit())) {
    const bool is_due = !delayed_.empty() && delayed_.begin()->first <= now_s();
    if (!is_due && ready_.empty()) {
      if (!delayed_.empty()) next_send_s_ = delayed_.begin()->first;
      return;
    }
    const Question& next = is_due ? delayed_.begin()->second : ready_.front();
    const std::int64_t prompt_tokens = estimate_tokens(next.query) + kTokensAroundMessage;
    if (!may_send(next, prompt_tokens)) return;
    Question question;
    if (is_due) {
      question = std::move(delayed_.begin()->second);
      delayed_.erase(delayed_.begin());
    } else {
      question = std::move(ready_.front());
      ready_.pop_front();
    }
    send(std::move(question), prompt_tokens);
  }
}

bool ChatRun::may_send(const Question& question, std::int64_t prompt_tokens) {
  const double now = now_s();
  if (!breaker_.may_send(now)) {
    const double pause = breaker_.pause_left_s(now);
    if (pause > 0) next_send_s_ = now + pause;  // else a probe is under way
    return false;
  }
  const double wait = limiter_.wait_s(static_cast<double>(prompt_tokens) + mean_completion_tokens_, now);
  if (wait > 0) {
    next_send_s_ = now + wait;
    return false;
  }
  if (!budget_.has_limit()) return true;
  // A token is at least a byte: the estimate by characters could be too low, and this stop is a hard one.
  const auto bytes = static_cast<std::int64_t>(question.query.size()) + kTokensAroundMessage;
  const RunBudget::Amount most = budget_.most(bytes, setup_.chat->options().max_tokens);
  if (budget_.has_usd_for(most) && budget_.has_tokens_for(most)) return true;
  // What is in flight will cost less than it might: only when all is settled is it certain that nothing fits.
  if (in_flight_.empty()) {
    stop_ = budget_.has_usd_for(most) ? RunEnd::tokens_reached : RunEnd::cost_reached;
  }
  return false;
}

void ChatRun::send(Question question, std::int64_t prompt_tokens) {
  const ChatOptions& options = setup_.chat->options();
  const double now = now_s();
  Flight flight;
  flight.sent_s = now;
  flight.expected_tokens = static_cast<double>(prompt_tokens) + mean_completion_tokens_;
  const auto bytes = static_cast<std::int64_t>(question.query.size()) + kTokensAroundMessage;
  flight.reserved = budget_.most(bytes, options.max_tokens);
  const Job& job = question.job;
  if (options.seed) flight.seed = question_seed(*options.seed, job.record_id, job.prompt_id, job.answers);
  budget_.reserve(flight.reserved);
  limiter_.sent(flight.expected_tokens, now);
  breaker_.probe_sent();
  const std::int64_t id = job.id;
  const AnswerFormat format =
      prompts_.at(job.prompt_id).expects_dictionary ? AnswerFormat::dictionary : AnswerFormat::plain;
  std::string query = question.query;
  const std::optional<std::int64_t> seed = flight.seed;
  flight.question = std::move(question);
  in_flight_.emplace(id, std::move(flight));
  setup_.chat->ask(std::move(query), format, seed, [inbox = inbox_, id](ChatReply&& reply) {
    const std::lock_guard lock(inbox->mutex);
    inbox->replies.emplace_back(id, std::move(reply));
    if (inbox->replies.size() == 1) inbox->arrived.notify_one();
  });
}

void ChatRun::wait() {
  const double now = now_s();
  double until = now + kTickS;
  if (next_send_s_ > 0) until = std::min(until, next_send_s_);
  if (store_.queued() > 0 && store_error_ == nullptr) until = std::min(until, written_s_ + kWriteS);
  std::unique_lock lock(inbox_->mutex);
  inbox_->arrived.wait_for(lock, std::chrono::duration<double>(std::max(0.0, until - now)),
                           [&] { return inbox_->woken || !inbox_->replies.empty(); });
  inbox_->woken = false;
}

std::string ChatRun::note() const {
  const double now = now_s();
  if (store_error_ != nullptr) return "waiting: the database cannot be written (is the disk full?)";
  if (breaker_.is_open()) {
    return fmt::format("waiting {:.0f} s: the server answers no more", breaker_.pause_left_s(now));
  }
  const double pause = limiter_.pause_left_s(now);
  if (pause >= 1) return fmt::format("waiting {:.0f} s: the server asked for it", pause);
  if (looked_idle_ && is_idle()) return "waiting for jobs that another process holds";
  return "";
}

void ChatRun::tell(bool always) {
  const double now = now_s();
  if (!always && !report_.is_due(now)) return;
  RunProgress moment;
  moment.in_flight = static_cast<std::int64_t>(in_flight_.size());
  moment.cost_usd = budget_.spent_usd();
  moment.tokens = budget_.spent_tokens();
  moment.note = note();
  report_.tell(now, moment);
}

RunEnd ChatRun::leave(RunEnd end) {
  std::vector<std::int64_t> rest;
  for (const Question& question : ready_)
    rest.push_back(question.job.id);
  for (const auto& [time, question] : delayed_)
    rest.push_back(question.job.id);
  for (const auto& [id, flight] : in_flight_)
    rest.push_back(id);
  for (const Refusal& refusal : refusals_)
    rest.push_back(refusal.question.job.id);
  store_.give_back(rest);
  in_flight_.clear();
  tell(true);
  if (refused_) fail(ErrorKind::remote, "{}", *refused_);
  if (end != RunEnd::all_done) return end;
  return store_.counts().failed > 0 ? RunEnd::some_failed : RunEnd::all_done;
}

}  // namespace lpmc
