#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "lpmc/base/atomic_file.h"

namespace lpmc::detail {

/// An AtomicFile written in large pieces, however small the rows are.
class BufferedFile {
 public:
  explicit BufferedFile(const std::filesystem::path& path) : file_(path) {}

  void write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kBytes) flush();
  }
  void commit() {
    flush();
    file_.commit();
  }

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;

  void flush() {
    file_.write(buffer_);
    buffer_.clear();
  }

  AtomicFile file_;
  std::string buffer_;
};

}  // namespace lpmc::detail
