#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// The bytes of a text file (or pipe) front to back through one buffer, whatever the file's size.
/// A UTF-8 byte order mark is skipped.
class TextSource {
 public:
  static constexpr int kEnd = -1;

  /// @throws Error(not_found, io) when it cannot be read, Error(invalid_argument) when it is a folder,
  /// Error(unsupported) when it begins as UTF-16 does
  explicit TextSource(const std::filesystem::path& path);
  /// Text in memory, which must stay there. @param name stands in messages
  TextSource(std::string_view text, std::string name);
  ~TextSource();
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  /// The next byte (0 to 255), or kEnd.
  int peek() { return position_ < end_ || refill() ? static_cast<unsigned char>(*position_) : kEnd; }
  int get() {
    const int byte = peek();
    if (byte == kEnd) return kEnd;
    ++position_;
    if (byte == '\n') ++line_;
    return byte;
  }

  /// What is buffered and not read yet: at the start the beginning of the file, for a look at its content.
  std::string_view ahead();
  /// Line of the next byte, from 1.
  std::size_t line() const { return line_; }
  /// The file as messages name it.
  const std::string& name() const { return name_; }
  /// The file itself; empty for text in memory.
  const std::filesystem::path& path() const { return path_; }

 private:
  bool refill();
  void skip_byte_order_mark();

  std::string name_;
  std::filesystem::path path_;
  int file_ = -1;  // -1: text in memory
  std::vector<char> buffer_;
  const char* position_ = nullptr;
  const char* end_ = nullptr;
  std::size_t line_ = 1;
};

}  // namespace lpmc
