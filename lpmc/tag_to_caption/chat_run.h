#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lpmc/tag_to_caption/circuit_breaker.h"
#include "lpmc/tag_to_caption/rate_limit.h"
#include "lpmc/tag_to_caption/run_budget.h"
#include "lpmc/tag_to_caption/run_report.h"
#include "lpmc/tag_to_caption/runner.h"

namespace lpmc {

/// One run of run_jobs() against a chat server. One thread decides everything; the HTTP client's thread only
/// puts replies into the inbox.
class ChatRun {
 public:
  explicit ChatRun(const RunSetup& setup);
  RunEnd run();

 private:
  /// A job that we hold and its next question.
  struct Question {
    Job job;
    std::string query;
    int failures = 0;  ///< of its requests in this run
  };
  struct Flight {
    Question question;
    double sent_s = 0, expected_tokens = 0;
    RunBudget::Amount reserved;
    std::optional<std::int64_t> seed;
  };
  /// A job refused in a way that is hardly its own fault (wrong key): it fails only if others succeed.
  struct Refusal {
    Question question;
    std::string error;
  };
  /// Lives as long as a reply may come, which may be longer than the run.
  struct Inbox {
    std::mutex mutex;
    std::condition_variable arrived;
    std::vector<std::pair<std::int64_t, ChatReply>> replies;
    bool woken = false;
    void wake();
  };

  // chat_run.cpp: what is sent when
  void check_stops();
  void write();
  bool write_guarded(const std::function<void()>& action);
  void refill();
  void accept_job(Job job);
  void send_ready();
  bool may_send(const Question& question, std::int64_t prompt_tokens);
  void send(Question question, std::int64_t prompt_tokens);
  void wait();
  void tell(bool always);
  std::string note() const;
  RunEnd leave(RunEnd end);
  bool is_idle() const { return ready_.empty() && delayed_.empty() && in_flight_.empty(); }
  bool is_stopping() const { return stop_.has_value() || refused_.has_value() || store_error_ != nullptr; }

  // chat_replies.cpp: what becomes of replies
  void take_replies();
  void handle(Flight flight, const ChatReply& reply);
  void handle_answer(Question question, std::string_view text, std::string_view finish_reason);
  void handle_failure(Flight flight, const ChatReply& reply);
  void handle_too_many(Flight flight, const ChatReply& reply);
  void handle_refusal(Question question, const ChatReply& reply);
  void settle_refusals();
  void fail_job(const Question& question, const std::string& error);
  void record(const Flight& flight, const ChatReply& reply);

  const RunSetup& setup_;
  JobStore& store_;
  std::map<std::string, Prompt> prompts_;
  std::map<std::string, std::string> prompt_hashes_;
  AnswerRules rules_;
  std::string sampling_;

  RateLimiter limiter_;
  AdaptiveConcurrency concurrency_;
  CircuitBreaker breaker_;
  RunBudget budget_;
  RunReport report_;
  std::mt19937_64 random_{std::random_device{}()};  ///< jitter only

  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::deque<Question> ready_;
  std::multimap<double, Question> delayed_;  ///< by the time they may be sent
  std::unordered_map<std::int64_t, Flight> in_flight_;
  std::vector<Refusal> refusals_;

  std::optional<RunEnd> stop_;          ///< no new requests; leave when nothing is in flight
  std::optional<std::string> refused_;  ///< the server refuses everything: leave at once
  std::exception_ptr store_error_;      ///< why the last write failed
  bool leave_now_ = false, drained_ = false, looked_idle_ = false;
  bool reached_ = false;  ///< a server answered, whatever it said
  std::int64_t answers_ = 0;
  int refused_rounds_ = 0;  ///< of 429 without an answer between
  double mean_completion_tokens_;
  std::size_t take_count_;
  // Seconds of the steady clock.
  double taken_s_ = 0, written_s_ = 0, renewed_s_ = 0, look_again_s_ = 0, next_send_s_ = 0;
  double store_failed_s_ = 0, write_again_s_ = 0;
};

}  // namespace lpmc
