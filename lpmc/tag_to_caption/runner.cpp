#include "lpmc/tag_to_caption/runner.h"

#include <chrono>
#include <cmath>
#include <map>
#include <thread>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/chat_run.h"
#include "lpmc/tag_to_caption/job_store_impl.h"
#include "lpmc/tag_to_caption/run_report.h"

namespace lpmc {
namespace {

constexpr double kLeaseS = 60;
constexpr double kRenewS = 15;
constexpr std::size_t kTaken = 512;
constexpr double kWriteS = 0.05;
constexpr int kMostConcurrent = 10'000;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void check(const RunSetup& setup) {
  const RunLimits& limits = setup.limits;
  LPMC_REQUIRE(setup.store != nullptr, invalid_argument, "run: expected a store");
  LPMC_REQUIRE((setup.chat != nullptr) != static_cast<bool>(setup.writer), invalid_argument,
               "run: expected either a chat client or a writer");
  LPMC_REQUIRE(limits.concurrency >= 1 && limits.concurrency <= kMostConcurrent, invalid_argument,
               "concurrency: expected 1 to {}, found {}", kMostConcurrent, limits.concurrency);
  const auto at_least_0 = [](double value, const char* name) {
    LPMC_REQUIRE(std::isfinite(value) && value >= 0, invalid_argument, "{}: expected 0 or more, found {}",
                 name, value);
  };
  at_least_0(limits.rpm, "rpm");
  at_least_0(limits.tpm, "tpm");
  at_least_0(limits.max_cost, "max-cost");
  at_least_0(static_cast<double>(limits.max_tokens_total), "max-tokens-total");
  at_least_0(setup.usd_per_prompt_token, "price of a prompt token");
  at_least_0(setup.usd_per_completion_token, "price of a completion token");
  LPMC_REQUIRE(limits.max_attempts >= 1, invalid_argument, "max-attempts: expected 1 or more, found {}",
               limits.max_attempts);
  const bool priced = setup.usd_per_prompt_token > 0 || setup.usd_per_completion_token > 0;
  LPMC_REQUIRE(limits.max_cost <= 0 || priced || setup.chat == nullptr, invalid_argument,
               "max-cost: expected a price for the model, found none: without one it would stop nothing");
}

/// A run of a writer: on this thread, one caption after the other.
class WriterRun {
 public:
  explicit WriterRun(const RunSetup& setup)
      : setup_(setup),
        store_(*setup.store),
        rules_{setup.policy, setup.max_repairs, setup.validation, setup.vocabulary, setup.words},
        report_(setup.on_progress, setup.store->counts()) {}

  RunEnd run() {
    while (true) {
      const std::vector<Job> jobs = store_.take(kTaken, kLeaseS);
      renewed_s_ = now_s();
      read_prompts();
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (stops()) return interrupted({jobs.begin() + static_cast<std::ptrdiff_t>(i), jobs.end()});
        write_caption(jobs[i]);
        keep_up();
      }
      if (!jobs.empty()) continue;
      if (stops()) return interrupted({});
      if (!store_.others_hold_jobs()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    report_.tell(now_s(), {});
    return store_.counts().failed > 0 ? RunEnd::some_failed : RunEnd::all_done;
  }

 private:
  bool stops() const { return setup_.finish_in_flight.stop_requested() || setup_.stop_now.stop_requested(); }

  void read_prompts() {
    for (const Prompt& prompt : store_.prompts()) {
      if (prompts_.emplace(prompt.id, prompt).second) hashes_.emplace(prompt.id, prompt.hash());
    }
  }

  RunEnd interrupted(const std::vector<Job>& rest) {
    std::vector<std::int64_t> ids;
    for (const Job& job : rest)
      ids.push_back(job.id);
    store_.give_back(ids);
    report_.tell(now_s(), {});
    return RunEnd::interrupted;
  }

  void write_caption(Job job) {
    const Prompt& prompt = prompts_.at(job.prompt_id);
    AnswerVerdict verdict;
    do {
      const std::uint64_t seed = question_seed(setup_.seed, job.record_id, job.prompt_id, job.answers);
      const double begin = now_s();
      Attempt attempt;
      attempt.raw_text = setup_.writer(prompt, job.tags, seed);
      attempt.latency_s = now_s() - begin;
      attempt.model = setup_.writer_name;
      attempt.prompt_hash = hashes_.at(job.prompt_id);
      attempt.seed = static_cast<std::int64_t>(seed);
      attempt.time_unix_ms = unix_time_ms();
      attempt.tool_version = setup_.tool_version;
      store_.record_attempt(job.id, attempt);
      ++job.answers;
      // A writer writes sentences, whatever a server would be asked for.
      Prompt plain = prompt;
      plain.expects_dictionary = false;
      verdict = judge_answer(rules_, plain, job, attempt.raw_text, "stop");
      if (verdict.propose) {
        store_.propose(job.id, verdict.result, verdict.flaws);
        job.proposed_flaws = verdict.flaws;
      }
    } while (verdict.next == AnswerVerdict::Next::ask_again);
    write_verdict(store_, job.id, verdict);
    if (verdict.next == AnswerVerdict::Next::fail) {
      report_.job_failed();
    } else {
      report_.job_done();
    }
  }

  void keep_up() {
    const double now = now_s();
    if (now - written_s_ >= kWriteS) {
      store_.flush();
      written_s_ = now;
    }
    if (now - renewed_s_ >= kRenewS) {
      store_.renew(kLeaseS);
      renewed_s_ = now;
    }
    if (report_.is_due(now)) report_.tell(now, {});
  }

  const RunSetup& setup_;
  JobStore& store_;
  AnswerRules rules_;
  RunReport report_;
  std::map<std::string, Prompt> prompts_;
  std::map<std::string, std::string> hashes_;
  double written_s_ = 0, renewed_s_ = 0;
};

}  // namespace

RunEnd run_jobs(const RunSetup& setup) {
  check(setup);
  return setup.chat != nullptr ? ChatRun(setup).run() : WriterRun(setup).run();
}

}  // namespace lpmc
