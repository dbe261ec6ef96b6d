#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lpmc/tag_to_caption/batch_api.h"

namespace lpmc {

/// A batch as the server describes it.
struct RemoteBatch {
  std::string id, status, output_file_id, error_file_id, error;
  std::int64_t completed = 0, failed = 0;

  bool has_ended() const {
    return status == "completed" || status == "expired" || status == "cancelled" || status == "failed";
  }
};

/// One line of a result file.
struct BatchLine {
  std::int64_t job = 0;
  ChatReply reply;
  bool expired = false;  ///< never asked, not paid
};

/// Reads a line; nothing when it is none (not JSON, a custom_id that is not ours). Never throws.
std::optional<BatchLine> read_batch_line(std::string_view line);

/// The requests of the Batch API. Failures: Error(remote) with the server's words, never with the key.
class BatchServer {
 public:
  explicit BatchServer(const BatchSetup& setup) : setup_(setup), http_(*setup.http), chat_(setup.chat) {}

  /// @return the file's id
  std::string upload(const std::string& name, const std::string& lines) const;
  /// @param refused set when the server has certainly not made it (4xx)
  RemoteBatch create(const std::string& file_id, const std::string& token, bool& refused) const;
  RemoteBatch get(const std::string& id) const;
  /// The batch that was made with our token; nothing when there is none.
  std::optional<RemoteBatch> find(const std::string& token) const;
  /// Calls `take` with every line, on the HTTP client's thread, while the caller waits.
  void read_lines(const std::string& file_id, const std::function<void(std::string_view)>& take) const;

 private:
  HttpRequest request(std::string method, const std::string& path) const;
  HttpResponse fetch(const HttpRequest& request) const;
  nlohmann::json fetch_json(const HttpRequest& request) const;
  [[noreturn]] void fail(const HttpRequest& request, const HttpResponse& response) const;

  const BatchSetup& setup_;
  HttpClient& http_;
  const ChatOptions& chat_;
};

}  // namespace lpmc
