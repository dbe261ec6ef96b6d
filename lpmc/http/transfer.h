#pragma once

// Private to http/: one exchange on one easy handle. The only header here that shows libcurl.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "lpmc/http/http_client.h"

namespace lpmc {

/// Where a URL leads, without path, query and credentials.
struct Origin {
  std::string name;  ///< "https://host:port", as it may stand in a message
  bool loopback = false;
  bool https = false;
};

/// Nothing when the URL is not one for http or https.
std::optional<Origin> find_origin(const std::string& url);

/// A request with its handle. Handles are used again and again: making one costs more than a small exchange.
class Transfer {
 public:
  Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_.get(); }
  static Transfer* of(CURL* handle);

  /// Takes the request over and prepares the handle.
  /// @return why it cannot be sent, nothing when it can
  std::optional<std::string> begin(HttpRequest request, const Origin& origin,
                                   const HttpClientOptions& options);

  /// What came of it; to be called once the handle is out of the multi handle. Forgets the request.
  HttpResponse finish(CURLcode result);
  /// The same for a request that was stopped from outside.
  HttpResponse abandon(HttpFailure failure, std::string_view why);

 private:
  struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  enum class Stop { none, too_large, by_receiver };

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  bool take_header(std::string_view line);
  bool take_body(std::string_view piece);

  std::optional<std::string> add_headers();
  void set_method();
  void set_limits();
  void set_security(const HttpClientOptions& options);
  void describe_failure(CURLcode result);
  void forget_request();

  std::unique_ptr<CURL, FreeHandle> handle_;
  std::unique_ptr<curl_slist, FreeList> header_list_;
  HttpRequest request_;
  HttpResponse response_;
  Origin origin_;
  std::size_t header_bytes_ = 0;
  Stop stop_ = Stop::none;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace lpmc
