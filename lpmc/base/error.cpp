#include "lpmc/base/error.h"

#include <cerrno>
#include <system_error>

namespace lpmc {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
      return "invalid_argument";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::io:
      return "io";
    case ErrorKind::remote:
      return "remote";
    case ErrorKind::cancelled:
      return "cancelled";
  }
  return "unknown";
}

void fail_errno(std::string_view what, int errno_value) {
  const bool absent = errno_value == ENOENT || errno_value == ENOTDIR;
  fail(absent ? ErrorKind::not_found : ErrorKind::io, "{}: {}", what,
       std::generic_category().message(errno_value));
}

}  // namespace lpmc
