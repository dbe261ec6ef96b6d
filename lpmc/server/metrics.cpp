#include "lpmc/server/metrics.h"

#include <fmt/format.h>

namespace lpmc {
namespace {

/// A value of a label: backslashes, quotes and line ends escaped.
std::string label(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

void head(std::string& text, std::string_view name, std::string_view type, std::string_view help) {
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

template <class Value>
void one(std::string& text, std::string_view name, std::string_view type, std::string_view help,
         const Value& value) {
  head(text, name, type, help);
  text += fmt::format("{} {}\n", name, value);
}

}  // namespace

void Metrics::count(std::string_view route, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(route), status}];
  if (status == 429 || status == 503) ++rejected_;
  Latency& latency = latency_[std::string(route)];
  ++latency.count;
  latency.sum_s += seconds;
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    latency.at_most[i] += seconds <= kBounds[i] ? 1 : 0;
}

std::string Metrics::text(const MetricsGauges& g) const {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    head(text, "lpmc_http_requests_total", "counter", "Requests answered.");
    for (const auto& [key, count] : requests_) {
      text += fmt::format("lpmc_http_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", label(key.first),
                          key.second, count);
    }
    head(text, "lpmc_http_request_duration_seconds", "histogram",
         "From a request's header to the last byte made of its answer.");
    for (const auto& entry : latency_) {
      const std::string& route = entry.first;
      const Latency& latency = entry.second;
      const auto bucket = [&](const std::string& bound, std::uint64_t count) {
        text += fmt::format("lpmc_http_request_duration_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n",
                            label(route), bound, count);
      };
      for (std::size_t i = 0; i < kBounds.size(); ++i)
        bucket(fmt::format("{}", kBounds[i]), latency.at_most[i]);
      bucket("+Inf", latency.count);
      text += fmt::format(
          "lpmc_http_request_duration_seconds_sum{{route=\"{0}\"}} {1}\n"
          "lpmc_http_request_duration_seconds_count{{route=\"{0}\"}} {2}\n",
          label(route), latency.sum_s, latency.count);
    }
    one(text, "lpmc_http_rejected_total", "counter", "Requests refused for want of room (429, 503).",
        rejected_);
  }
  one(text, "lpmc_http_connections", "gauge", "Open connections.", g.connections);
  one(text, "lpmc_files_in_work", "gauge", "Files taken and not yet answered.", g.load.requests);
  one(text, "lpmc_files_in_work_limit", "gauge", "Files taken at once; more are refused.", g.max_queue);
  one(text, "lpmc_segments_waiting", "gauge", "Segments decoded and not begun.", g.load.segments_waiting);
  one(text, "lpmc_segments_in_batch", "gauge", "Segments in the decoding batch.", g.load.segments_in_work);
  one(text, "lpmc_segments_captioned_total", "counter", "Segments captioned.", g.load.segments_done);
  one(text, "lpmc_audio_seconds_total", "counter", "Seconds of sound captioned.", g.load.audio_s_done);
  one(text, "lpmc_jobs", "gauge", "Jobs kept.", g.jobs);
  one(text, "lpmc_upload_bytes", "gauge", "Bytes of uploads on disk.", g.upload_bytes);
  const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - start_;
  one(text, "lpmc_uptime_seconds", "gauge", "Seconds since the server began.", uptime.count());
  head(text, "lpmc_build_info", "gauge", "Version, model and arithmetic.");
  text += fmt::format("lpmc_build_info{{version=\"{}\",model=\"{}\",dtype=\"{}\"}} 1\n", label(g.version),
                      label(g.model), label(g.dtype));
  return text;
}

}  // namespace lpmc
