#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lpmc {

/// The headers of a part of multipart/form-data.
struct PartHead {
  std::string name;       ///< the field's
  std::string file_name;  ///< as the client says
  bool is_file = false;   ///< it has a file name, even an empty one
  std::string content_type;
};

/// Takes what a MultipartParser finds. What it throws ends the parsing.
class PartSink {
 public:
  virtual ~PartSink() = default;
  PartSink() = default;
  PartSink(const PartSink&) = delete;
  PartSink& operator=(const PartSink&) = delete;

  virtual void begin_part(const PartHead& head) = 0;
  virtual void part_data(std::string_view data) = 0;
  virtual void end_part() = 0;
};

/// Reads multipart/form-data (RFC 7578, 2046) piece by piece: nothing but part headers and a possible
/// delimiter is ever held. Memory and time are bounded by the input, whatever it is.
class MultipartParser {
 public:
  static constexpr std::size_t kMaxParts = 64;
  static constexpr std::size_t kMaxHeadBytes = 8192;  ///< of a part

  /// @param boundary of the Content-Type (boundary_of)
  MultipartParser(std::string_view boundary, PartSink& sink);

  /// @throws HttpError(400) for what is no multipart, too many parts, too long headers
  void feed(std::string_view data);
  /// @throws HttpError(400) when the closing delimiter has not come
  void finish() const;

 private:
  enum class State { preamble, after_delimiter, head, body, end };

  bool step();
  bool skip_preamble();
  bool after_delimiter();
  bool read_head();
  bool read_body();

  std::string delimiter_;  // "\r\n--boundary"
  PartSink& sink_;
  std::string buffer_;
  State state_ = State::preamble;
  std::size_t parts_ = 0;
};

/// The boundary of "multipart/form-data; boundary=...".
/// @throws HttpError(400) when there is none, or it is not one that RFC 2046 allows
std::string boundary_of(std::string_view content_type);

/// The media type of a Content-Type, in lower case and without parameters.
std::string media_type_of(std::string_view content_type);

/// The headers of a part, without the empty line.
/// @throws HttpError(400) when there is no name
PartHead parse_part_head(std::string_view text);

}  // namespace lpmc
