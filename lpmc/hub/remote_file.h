#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lpmc/http/http_client.h"

namespace lpmc {

/// What a server says of a file without sending it.
struct RemoteFileAnswer {
  std::uint64_t size = 0;
  std::string sha256;    ///< of the content, 64 hex digits; "" where not told
  std::string git_sha1;  ///< git_blob_sha1_of_file() of the content, 40 hex digits; "" where not told
  std::string failure;   ///< why there is no answer, "" where there is one
  bool may_retry = false;
};

/// Asks with HEAD, by the rules of the Hugging Face hub: X-Linked-Size and X-Linked-ETag (a SHA-256) stand in
/// the redirect to where large files lie, so that one is not followed; small files have git's SHA-1 as ETag.
/// Of any other server, Content-Length is the size, and an ETag that is no such digest means nothing.
/// @param exchange sends a request and waits
RemoteFileAnswer ask_for_file(const std::string& url,
                              const std::function<HttpResponse(HttpRequest&&)>& exchange);

}  // namespace lpmc
