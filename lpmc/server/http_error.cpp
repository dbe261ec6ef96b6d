#include "lpmc/server/http_error.h"

#include <nlohmann/json.hpp>

#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

std::string_view outer_kind(ErrorKind kind) {
  if (kind == ErrorKind::io) return "internal";
  if (kind == ErrorKind::cancelled) return "unavailable";
  return to_string(kind);
}

Reply json_reply(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.content_type = "application/json";
  reply.body = std::move(body);
  return reply;
}

}  // namespace

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
    case ErrorKind::corrupt:
      return 422;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::unsupported:
      return 415;
    case ErrorKind::remote:
      return 502;
    case ErrorKind::cancelled:
      return 503;
    case ErrorKind::io:
      return 500;
  }
  return 500;
}

std::string error_json(std::string_view kind, std::string_view message) {
  const nlohmann::ordered_json json = {
      {"error", {{"kind", kind}, {"message", replace_invalid_utf8(std::string(message))}}}};
  return json.dump();
}

std::string error_json(const Failure& failure) {
  return error_json(outer_kind(failure.kind), failure.message);
}

Reply error_reply(const Failure& failure) {
  return json_reply(status_of(failure.kind), error_json(failure) + "\n");
}

Reply error_reply(const std::exception& error) {
  if (const auto* http = dynamic_cast<const HttpError*>(&error)) {
    Reply reply = json_reply(http->status(), error_json(http->kind(), http->what()) + "\n");
    reply.headers = http->headers();
    return reply;
  }
  if (const auto* own = dynamic_cast<const Error*>(&error))
    return error_reply(Failure{own->kind(), own->what()});
  log(LogLevel::error, "request: {}", error.what());
  return json_reply(500,
                    error_json("internal", "something went wrong here; the server's log says what") + "\n");
}

}  // namespace lpmc
