#include "lpmc/tag_to_caption/run_report.h"

namespace lpmc {
namespace {

constexpr double kIntervalS = 0.1;
/// The rate is the mean over this time: a burst or a pause must not throw the ETA about.
constexpr double kRateWindowS = 30;

}  // namespace

RunReport::RunReport(std::function<void(const RunProgress&)> on_progress, const StoreCounts& at_start)
    : on_progress_(std::move(on_progress)) {
  now_.done = at_start.done + at_start.dropped;
  now_.failed = at_start.failed;
  now_.total = at_start.waiting + at_start.taken + now_.done + now_.failed;
}

void RunReport::tell(double now_s, const RunProgress& moment) {
  next_s_ = now_s + kIntervalS;
  const std::int64_t ended = now_.done + now_.failed;
  past_.emplace_back(now_s, ended);
  while (past_.size() > 2 && now_s - past_.front().first > kRateWindowS)
    past_.pop_front();
  const double seconds = now_s - past_.front().first;
  now_.jobs_per_s = seconds > 0 ? static_cast<double>(ended - past_.front().second) / seconds : 0;
  const std::int64_t left = now_.total - ended;
  now_.eta_s = now_.jobs_per_s > 0 && left > 0 ? static_cast<double>(left) / now_.jobs_per_s : 0;
  now_.in_flight = moment.in_flight;
  now_.cost_usd = moment.cost_usd;
  now_.tokens = moment.tokens;
  now_.note = moment.note;
  if (on_progress_) on_progress_(now_);
}

}  // namespace lpmc
