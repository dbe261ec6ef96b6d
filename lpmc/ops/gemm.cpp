#include "lpmc/ops/gemm.h"

#include <algorithm>
#include <vector>

#include <dlfcn.h>
#include <dnnl.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

/// oneDNN's CPU code asks OpenMP how many threads it may start. We have a pool of our own, so for the
/// length of a call the answer is one; the caller's setting comes back afterwards. The functions are
/// looked up at run time because a build of oneDNN without OpenMP does not load them, and because
/// linking one by ourselves might load a second OpenMP beside oneDNN's.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : threads_(functions().get != nullptr ? functions().get() : 1) {
    if (threads_ != 1) functions().set(1);
  }
  ~OneOpenMpThread() {
    if (threads_ != 1) functions().set(threads_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  struct Functions {
    int (*get)() = nullptr;
    void (*set)(int) = nullptr;
  };

  static const Functions& functions() {
    static const Functions found = [] {
      Functions f;
      f.get = reinterpret_cast<int (*)()>(::dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
      f.set = reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
      return f.get != nullptr && f.set != nullptr ? f : Functions{};
    }();
    return found;
  }

  int threads_;
};

void call_sgemm(const GemmArguments& args) {
  // The C function is the same in oneDNN 2.x and 3.x, takes any number of rows and needs no
  // primitive. It is what a matmul primitive with dense weights calls (gemm:jit).
  const dnnl_status_t status =
      dnnl_sgemm('N', 'N', args.rows, args.columns, args.depth, 1.0F, args.a, args.a_stride, args.b,
                 args.columns, args.accumulate ? 1.0F : 0.0F, args.c, args.c_stride);
  LPMC_REQUIRE(status == dnnl_success, unsupported,
               "oneDNN: dnnl_sgemm of {} x {} x {} failed with status {}", args.rows, args.columns,
               args.depth, static_cast<int>(status));
}

/// A single row would take oneDNN's matrix-vector path, which adds up in another order: a caption
/// decoded alone would differ in the last bit from one decoded in a batch. So it gets a companion.
void single_row(const GemmArguments& args) {
  static thread_local std::vector<float> scratch;
  const auto depth = static_cast<std::size_t>(args.depth);
  const auto columns = static_cast<std::size_t>(args.columns);
  scratch.resize(2 * (depth + columns));
  float* a = scratch.data();
  float* c = a + 2 * depth;
  std::copy_n(args.a, depth, a);
  std::copy_n(args.a, depth, a + depth);
  if (args.accumulate) {
    std::copy_n(args.c, columns, c);
    std::copy_n(args.c, columns, c + columns);
  }
  GemmArguments pair = args;
  pair.rows = 2;
  pair.a = a;
  pair.a_stride = args.depth;
  pair.c = c;
  pair.c_stride = args.columns;
  call_sgemm(pair);
  std::copy_n(c, columns, args.c);
}

}  // namespace

void gemm(const GemmArguments& args) {
  if (args.rows <= 0 || args.columns <= 0) return;
  const OneOpenMpThread one_thread;
  if (args.rows == 1) {
    single_row(args);
  } else {
    call_sgemm(args);
  }
}

}  // namespace lpmc
