#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace lpmc {

/// What went wrong, as a caller sees it. Every failure of every library of lpmc is one of these.
enum class ErrorKind {
  invalid_argument,  ///< the caller's value is wrong: a flag, a shape, an option
  not_found,         ///< a file, model or name that is not there
  corrupt,           ///< a file that is damaged, cut off or hostile
  unsupported,       ///< well-formed, but not something lpmc handles
  io,                ///< the operating system refused: permissions, full disk
  remote,            ///< a server answered with a failure
  cancelled,         ///< the caller asked to stop
};

/// "invalid_argument", "not_found", ...: the name used in JSON output.
std::string_view to_string(ErrorKind kind);

/// The one exception type. The message names the thing, the expected and the found.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// Throws Error(kind) with a fmt-formatted message.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws Error(kind) for the operating system's error `errno_value`: "<what>: <strerror>".
/// ENOENT and ENOTDIR become not_found, everything else io.
[[noreturn]] void fail_errno(std::string_view what, int errno_value);

}  // namespace lpmc

/// Checks a condition that input can break. `kind` is an ErrorKind enumerator without its scope.
#define LPMC_REQUIRE(condition, kind, ...)                                \
  do {                                                                    \
    if (!(condition)) ::lpmc::fail(::lpmc::ErrorKind::kind, __VA_ARGS__); \
  } while (false)
