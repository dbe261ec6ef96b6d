#include "lpmc/base/threads.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include <sched.h>

#include "lpmc/base/cores.h"
#include "lpmc/base/error.h"

namespace lpmc {
namespace {

/// How long a waiting thread looks before it sleeps in the kernel. A decoding step has some seventy
/// regions of tens of microseconds, so a short look avoids most wake-ups; a long one would take time
/// from the very thread that is waited for on a busy machine.
constexpr std::chrono::microseconds kSpinTime{80};

void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Looks for kSpinTime whether `ready`. A pause takes from four to over a hundred cycles, depending on the
/// processor, so it is time that is counted.
template <class Ready>
bool spin_until(Ready&& ready) {
  constexpr int kLooksBetweenClocks = 16;
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int look = 0; look < kLooksBetweenClocks; ++look) {
      if (ready()) return true;
      cpu_relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

thread_local bool inside_parallel = false;

/// The indices that one thread begins with. `ticket` holds the job's number (high half) and how many of
/// them nobody has taken yet (low half), so that taking one is a single compare-and-swap and a thread that
/// wakes late can never touch a job that is over.
struct alignas(64) Share {
  std::atomic<std::uint64_t> ticket{0};
  std::uint32_t end = 0;
};

/// One job at a time. Every thread first takes what neighbours what it took before, so that it streams
/// through memory; then what slower threads have left.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) : shares_(static_cast<std::size_t>(threads)) {
    for (std::size_t i = 1; i < shares_.size(); ++i)
      workers_.emplace_back([this, i] { work(i); });
  }

  ~ThreadPool() {
    stop_.store(true);
    wake_.fetch_add(1);
    wake_.notify_all();
    for (std::thread& worker : workers_)
      worker.join();
  }

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// False when another thread is using the pool.
  bool try_run(std::int64_t count, detail::ParallelBody body, void* context) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    body_ = body;
    context_ = context;
    count_ = static_cast<std::uint32_t>(count);
    error_ = nullptr;
    finished_.store(0, std::memory_order_relaxed);
    job_ = job_ + 1;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      const std::uint32_t begin = first_of_share(i);
      shares_[i].end = first_of_share(i + 1);
      shares_[i].ticket.store((static_cast<std::uint64_t>(job_) << 32) | (shares_[i].end - begin),
                              std::memory_order_release);
    }
    wake_.fetch_add(1, std::memory_order_release);
    wake_.notify_all();
    take_indices(0);
    wait_until_finished();
    if (error_) std::rethrow_exception(error_);
    return true;
  }

 private:
  /// The remainder goes to the first threads: the caller is there already.
  std::uint32_t first_of_share(std::size_t i) const {
    return static_cast<std::uint32_t>((i * count_ + shares_.size() - 1) / shares_.size());
  }

  void take_indices(std::size_t self) {
    inside_parallel = true;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      take_indices(shares_[(self + i) % shares_.size()]);
    inside_parallel = false;
  }

  void take_indices(Share& share) {
    std::uint64_t ticket = share.ticket.load(std::memory_order_acquire);
    while ((ticket & 0xFFFFFFFFU) != 0) {
      if (!share.ticket.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel)) continue;
      const std::uint32_t count = count_;
      run_index(share.end - static_cast<std::uint32_t>(ticket & 0xFFFFFFFFU));
      if (finished_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) finished_.notify_all();
      ticket = share.ticket.load(std::memory_order_acquire);
    }
  }

  void run_index(std::uint32_t index) {
    try {
      body_(context_, index);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void wait_until_finished() {
    if (finished_.load(std::memory_order_acquire) == count_) return;
    if (spin_until([&] { return finished_.load(std::memory_order_acquire) == count_; })) return;
    std::uint32_t finished = finished_.load(std::memory_order_acquire);
    while (finished != count_) {
      finished_.wait(finished, std::memory_order_acquire);
      finished = finished_.load(std::memory_order_acquire);
    }
  }

  void work(std::size_t self) {
    std::uint32_t seen = 0;
    while (!stop_.load()) {
      take_indices(self);
      spin_until([&] { return wake_.load(std::memory_order_acquire) != seen; });
      wake_.wait(seen, std::memory_order_acquire);
      seen = wake_.load(std::memory_order_acquire);
    }
  }

  std::mutex busy_;
  std::vector<Share> shares_;
  std::vector<std::thread> workers_;
  std::atomic<std::uint32_t> finished_{0};
  std::atomic<std::uint32_t> wake_{0};
  std::atomic<bool> stop_{false};
  std::uint32_t job_ = 0;
  std::uint32_t count_ = 0;
  detail::ParallelBody body_ = nullptr;
  void* context_ = nullptr;
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

struct PoolHolder {
  std::mutex mutex;
  std::unique_ptr<ThreadPool> pool;
};

PoolHolder& pool_holder() {
  static PoolHolder holder;
  return holder;
}

ThreadPool& pool() {
  PoolHolder& holder = pool_holder();
  const std::lock_guard lock(holder.mutex);
  if (!holder.pool) holder.pool = std::make_unique<ThreadPool>(num_cores());
  return *holder.pool;
}

}  // namespace

int num_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
    std::vector<int> processors;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) processors.push_back(i);
    }
    return usable_cores(processors);
  }
  const unsigned hardware = std::thread::hardware_concurrency();
  return hardware == 0 ? 1 : static_cast<int>(hardware);
}

void set_num_threads(int threads) {
  LPMC_REQUIRE(threads >= 0 && threads <= 1024, invalid_argument, "threads: expected 0 to 1024, found {}",
               threads);
  const int wanted = threads == 0 ? num_cores() : threads;
  PoolHolder& holder = pool_holder();
  const std::lock_guard lock(holder.mutex);
  if (holder.pool && holder.pool->size() == wanted) return;
  holder.pool.reset();
  holder.pool = std::make_unique<ThreadPool>(wanted);
}

int num_threads() {
  return pool().size();
}

namespace detail {

void run_parallel(std::int64_t count, ParallelBody body, void* context) {
  if (count <= 0) return;
  LPMC_REQUIRE(count <= std::numeric_limits<std::uint32_t>::max(), invalid_argument,
               "parallel_for: expected at most 2^32 - 1 indices, found {}", count);
  if (count > 1 && !inside_parallel) {
    ThreadPool& threads = pool();
    if (threads.size() > 1 && threads.try_run(count, body, context)) return;
  }
  for (std::int64_t index = 0; index < count; ++index)
    body(context, index);
}

}  // namespace detail
}  // namespace lpmc
