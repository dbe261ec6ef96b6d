#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/captioning/captions.h"
#include "lpmc/server/exchange.h"

namespace lpmc {

/// A refusal that is about HTTP rather than about captions: an address that is not there, a full queue.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, std::string kind, const std::string& message, HeaderList headers = {})
      : std::runtime_error(message), status_(status), kind_(std::move(kind)), headers_(std::move(headers)) {}

  int status() const noexcept { return status_; }
  const std::string& kind() const noexcept { return kind_; }
  const HeaderList& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::string kind_;
  HeaderList headers_;
};

/// invalid_argument 422, not_found 404, corrupt 422, unsupported 415, io 500, remote 502, cancelled 503.
int status_of(ErrorKind kind);

/// {"error": {"kind", "message"}}; kind io is "internal" outside, cancelled "unavailable".
std::string error_json(const Failure& failure);
std::string error_json(std::string_view kind, std::string_view message);

Reply error_reply(const Failure& failure);
/// Of an HttpError or Error; anything else is a 500 that says nothing of what went wrong inside.
Reply error_reply(const std::exception& error);

}  // namespace lpmc
