#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace lpmc {

/// Text that must not be seen: an API key. It cannot be formatted or compared by accident, and its memory is
/// overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);
  ~Secret() { wipe(); }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;

  bool empty() const { return text_.empty(); }
  /// For the one place that sends it. A NUL stands after the text.
  std::string_view reveal() const { return text_; }

 private:
  void wipe() noexcept;

  std::string text_;
};

}  // namespace lpmc
