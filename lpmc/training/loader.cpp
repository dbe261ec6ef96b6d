#include "lpmc/training/loader.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace lpmc {
namespace {

/// A finished batch, the end, or what went wrong.
struct Outcome {
  std::optional<TrainBatch> batch;
  std::exception_ptr failure;
};

}  // namespace

struct BatchLoader::Impl {
  const BatchMaker& maker;
  BatchPlan plan;
  std::uint64_t capacity;
  std::mutex mutex;
  std::condition_variable room, ready;
  std::map<std::uint64_t, Outcome> done;
  std::uint64_t next_to_make;
  std::uint64_t next_to_take;
  bool is_closed = false;
  double waited_s = 0;
  std::vector<std::thread> threads;

  Impl(const BatchMaker& batch_maker, BatchPlan batch_plan, std::uint64_t ahead, std::uint64_t first)
      : maker(batch_maker),
        plan(std::move(batch_plan)),
        capacity(ahead),
        next_to_make(first),
        next_to_take(first) {}

  Outcome make(std::uint64_t number) const {
    Outcome outcome;
    try {
      if (const auto samples = plan(number)) outcome.batch = maker.make(*samples);
    } catch (...) {
      outcome.failure = std::current_exception();
    }
    return outcome;
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      room.wait(lock, [&] { return is_closed || next_to_make < next_to_take + capacity; });
      if (is_closed) return;
      const std::uint64_t number = next_to_make++;
      lock.unlock();
      Outcome outcome = make(number);
      lock.lock();
      const bool is_last = !outcome.batch;
      done.emplace(number, std::move(outcome));
      ready.notify_one();
      if (is_last) return;
    }
  }
};

BatchLoader::BatchLoader(const BatchMaker& maker, BatchPlan plan, int workers, std::uint64_t first)
    : impl_(std::make_unique<Impl>(maker, std::move(plan), static_cast<std::uint64_t>(workers) + 2, first)) {
  for (int i = 0; i < workers; ++i)
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_closed = true;
    impl_->room.notify_all();
  }
  for (std::thread& thread : impl_->threads)
    thread.join();
}

std::optional<TrainBatch> BatchLoader::next() {
  using Clock = std::chrono::steady_clock;
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex);
  const auto begin = Clock::now();
  impl.ready.wait(lock, [&] { return impl.done.contains(impl.next_to_take); });
  impl.waited_s += std::chrono::duration<double>(Clock::now() - begin).count();
  Outcome& outcome = impl.done.at(impl.next_to_take);
  if (outcome.failure) std::rethrow_exception(outcome.failure);
  if (!outcome.batch) return std::nullopt;
  std::optional<TrainBatch> batch = std::move(outcome.batch);
  impl.done.erase(impl.next_to_take++);
  impl.room.notify_all();
  return batch;
}

double BatchLoader::waited_s() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->waited_s;
}

}  // namespace lpmc
