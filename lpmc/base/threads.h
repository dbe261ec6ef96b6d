#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace lpmc {

/// Sets how many threads parallel_for uses, the calling thread included. 0 means one a core that
/// this process may use (num_cores()). Not to be called while a parallel_for runs.
/// @throws Error(invalid_argument) when `threads` is negative or over 1024
void set_num_threads(int threads);

/// Threads parallel_for uses; at least 1.
int num_threads();

/// Cores this process may use, at least 1: those of its affinity mask, hardware threads of one core
/// counted once, and no more than the CPU quota of its control groups (base/cores.h).
int num_cores();

namespace detail {
using ParallelBody = void (*)(void* context, std::int64_t index);
void run_parallel(std::int64_t count, ParallelBody body, void* context);
}  // namespace detail

/// Calls body(index) once for every index in [0, count), on the process's one pool of threads, and
/// returns when all are done. Indices are handed out dynamically, so a busy core takes fewer; what
/// an index computes must not depend on the thread. Inside a body, and while another thread is in
/// parallel_for, it runs on the calling thread alone. Allocates nothing.
/// The first exception of a body is rethrown here after all started indices ended.
template <class Body>
void parallel_for(std::int64_t count, Body&& body) {
  using Function = std::remove_reference_t<Body>;
  detail::run_parallel(
      count, [](void* context, std::int64_t index) { (*static_cast<Function*>(context))(index); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace lpmc
