#include "lpmc/server/multipart.h"

#include <algorithm>
#include <optional>

#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

constexpr std::string_view kBlanks = " \t";

[[noreturn]] void refuse(const std::string& message) {
  throw HttpError(400, "invalid_argument", "multipart body: " + message);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// The value of a parameter ("name" in `form-data; name="a"`): quoted, with backslashes before quotes, or
/// a bare word.
std::optional<std::string> parameter_of(std::string_view text, std::string_view wanted) {
  std::size_t at = std::min(text.find(';'), text.size());
  while (at < text.size()) {
    ++at;
    const std::size_t equals = text.find_first_of("=;", at);
    if (equals == std::string_view::npos) return std::nullopt;
    if (text[equals] == ';') {
      at = equals;
      continue;
    }
    const std::string name = lower_case(trimmed(text.substr(at, equals - at)));
    std::string value;
    at = std::min(text.find_first_not_of(kBlanks, equals + 1), text.size());
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        // Browsers write a quote as %22 and leave backslashes alone; curl writes \" and \\.
        const bool escapes =
            text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
        if (escapes) ++at;
        value += text[at];
      }
      at = std::min(text.find(';', at), text.size());
    } else {
      const std::size_t end = std::min(text.find(';', at), text.size());
      value = trimmed(text.substr(at, end - at));
      at = end;
    }
    if (name == wanted) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string media_type_of(std::string_view content_type) {
  return lower_case(trimmed(content_type.substr(0, content_type.find(';'))));
}

std::string boundary_of(std::string_view content_type) {
  const std::optional<std::string> boundary = parameter_of(content_type, "boundary");
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  const bool valid = boundary && !boundary->empty() && boundary->size() <= 70 && boundary->back() != ' ' &&
                     std::all_of(boundary->begin(), boundary->end(), is_allowed);
  if (!valid) refuse("expected a boundary of 1 to 70 characters in its Content-Type, found none");
  return *boundary;
}

PartHead parse_part_head(std::string_view text) {
  PartHead head;
  bool named = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) refuse("expected headers like `Name: value` in a part");
    const std::string name = lower_case(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "content-type") head.content_type = value;
    if (name != "content-disposition") continue;
    if (media_type_of(value) != "form-data") refuse("expected parts of form-data");
    const auto field = parameter_of(value, "name");
    const auto file = parameter_of(value, "filename");
    named = field.has_value();
    head.name = field.value_or("");
    head.is_file = file.has_value();
    head.file_name = file.value_or("");
  }
  if (!named) refuse("expected a name in each part's Content-Disposition");
  return head;
}

MultipartParser::MultipartParser(std::string_view boundary, PartSink& sink)
    : delimiter_("\r\n--" + std::string(boundary)),
      sink_(sink),
      buffer_("\r\n") {}  // a delimiter may open the body, too

void MultipartParser::feed(std::string_view data) {
  buffer_ += data;
  while (step()) {
  }
}

void MultipartParser::finish() const {
  if (state_ != State::end)
    refuse("expected the closing boundary at its end, found none: cut off, or another boundary");
}

/// @return false when more input is needed
bool MultipartParser::step() {
  switch (state_) {
    case State::preamble:
      return skip_preamble();
    case State::after_delimiter:
      return after_delimiter();
    case State::head:
      return read_head();
    case State::body:
      return read_body();
    case State::end:
      buffer_.clear();  // an epilogue says nothing
      return false;
  }
  return false;
}

bool MultipartParser::skip_preamble() {
  const std::size_t at = buffer_.find(delimiter_);
  if (at == std::string::npos) {
    // A preamble of more than a few lines is a sign of a wrong boundary: do not read gigabytes of it.
    if (buffer_.size() > kMaxHeadBytes + delimiter_.size())
      refuse("expected its boundary at the beginning, found none");
    return false;
  }
  buffer_.erase(0, at + delimiter_.size());
  state_ = State::after_delimiter;
  return true;
}

bool MultipartParser::after_delimiter() {
  if (buffer_.size() < 2) return false;
  if (buffer_.starts_with("--")) {
    state_ = State::end;
    return true;
  }
  const std::size_t end = buffer_.find_first_not_of(kBlanks);
  if (end == std::string::npos || end + 2 > buffer_.size()) {
    if (buffer_.size() > kMaxHeadBytes) refuse("expected a line end behind its boundary");
    return false;
  }
  if (buffer_.compare(end, 2, "\r\n") != 0) refuse("expected a line end behind its boundary");
  if (++parts_ > kMaxParts) refuse("expected at most " + std::to_string(kMaxParts) + " parts");
  buffer_.erase(0, end);  // the line end stays: a part without headers begins with the empty line
  state_ = State::head;
  return true;
}

bool MultipartParser::read_head() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (std::min(end, buffer_.size()) > kMaxHeadBytes) refuse("expected shorter headers of a part");
  if (end == std::string::npos) return false;
  const std::string_view text = std::string_view(buffer_).substr(0, end);
  sink_.begin_part(parse_part_head(text.substr(std::min<std::size_t>(2, text.size()))));
  buffer_.erase(0, end + 4);
  state_ = State::body;
  return true;
}

bool MultipartParser::read_body() {
  const std::size_t at = buffer_.find(delimiter_);
  if (at != std::string::npos) {
    if (at > 0) sink_.part_data(std::string_view(buffer_).substr(0, at));
    sink_.end_part();
    buffer_.erase(0, at + delimiter_.size());
    state_ = State::after_delimiter;
    return true;
  }
  // All but what may be the beginning of a delimiter is the part's.
  if (buffer_.size() < delimiter_.size()) return false;
  const std::size_t sure = buffer_.size() - (delimiter_.size() - 1);
  sink_.part_data(std::string_view(buffer_).substr(0, sure));
  buffer_.erase(0, sure);
  return false;
}

}  // namespace lpmc
