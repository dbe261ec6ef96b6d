#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "lpmc/captioning/caption_service.h"
#include "lpmc/captioning/formats.h"
#include "lpmc/server/caption_body.h"
#include "lpmc/server/exchange.h"
#include "lpmc/server/http_error.h"

namespace lpmc {

struct JobOptions {
  std::size_t max_jobs = 256;  ///< kept, the done ones included
  double ttl_s = 3600;         ///< that a job is kept after its end
  double max_duration_s = 0;   ///< of a file
};

/// Captions asked for now and fetched later. Any thread.
class JobTable {
 public:
  /// @param service must live longer
  JobTable(CaptionService& service, const JobOptions& options) : service_(service), options_(options) {}
  /// Cancels what is open.
  ~JobTable();
  JobTable(const JobTable&) = delete;
  JobTable& operator=(const JobTable&) = delete;

  /// @return 202 with the job's id
  /// @throws HttpError(429) when the service or the table is full
  Reply create(CaptionCall&& call);
  /// The job as JSON, or, with a format, the captions of a done one.
  /// @throws HttpError(404) for an unknown id, HttpError(409) for a format of a job that is not done
  Reply show(std::string_view id, const std::string& format);
  /// Cancels and forgets.
  /// @throws HttpError(404)
  Reply remove(std::string_view id);

  std::size_t size() const;

 private:
  enum class State { queued, running, done, failed, cancelled };
  struct Job {
    State state = State::queued;
    RequestProgress progress;
    CaptionWish wish;
    FileCaptions captions;
    std::stop_source stop;
    std::optional<std::chrono::steady_clock::time_point> ended;
  };

  void expire();
  std::shared_ptr<Job> find(std::string_view id);
  CaptionRequest request_of(const std::shared_ptr<Job>& job, CaptionCall&& call);

  CaptionService& service_;
  const JobOptions options_;
  /// Outlives the table in the callbacks of jobs that it cancels.
  struct Guarded {
    mutable std::mutex mutex;
    std::map<std::string, std::shared_ptr<Job>, std::less<>> jobs;
  };
  const std::shared_ptr<Guarded> guarded_ = std::make_shared<Guarded>();
};

/// The answer to a full queue.
HttpError queue_full();

}  // namespace lpmc
