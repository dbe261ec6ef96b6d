#include "lpmc/server/server_options.h"

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

void require_within(const char* name, double value, double least, double most) {
  // "not within" instead of "outside" also catches NaN
  LPMC_REQUIRE(value >= least && value <= most, invalid_argument, "{}: expected {} to {}, found {}", name,
               least, most, value);
}

}  // namespace

void validate(const ServerOptions& o) {
  require_within("port", o.port, 0, 65535);
  require_within("max-upload-mb", o.max_upload_mb, 1, 1 << 20);
  require_within("max-duration", o.max_duration_s, 0, 1e9);
  require_within("max-queue", o.max_queue, 1, 4096);
  require_within("max-jobs", o.max_jobs, 1, 1'000'000);
  require_within("job-ttl", o.job_ttl_s, 1, 1e9);
  require_within("max-clients", o.max_clients, 1, 1'000'000);
  require_within("timeout", o.timeout_s, 1, 1e9);
  require_within("drain-seconds", o.drain_s, 0, 1e6);
  require_within("io-threads", o.io_threads, 1, 256);
}

}  // namespace lpmc
