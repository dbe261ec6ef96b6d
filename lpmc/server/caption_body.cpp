#include "lpmc/server/caption_body.h"

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

constexpr std::size_t kMaxFieldBytes = 4096;
constexpr std::size_t kMaxJsonBytes = 64 * 1024;
constexpr std::size_t kMaxNameBytes = 255;
/// Fields and delimiters around a file.
constexpr std::uint64_t kFormBytes = 1U << 20;

}  // namespace

std::string harmless_file_name(std::string_view name) {
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string harmless = replace_invalid_utf8(std::string(name.substr(0, kMaxNameBytes)));
  for (char& c : harmless) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '_';
  }
  return harmless.empty() ? "upload" : harmless;
}

CaptionBody::CaptionBody(const RequestHead& head, const BodyContext& context,
                         std::function<void(CaptionCall&&)> on_call)
    : context_(context), on_call_(std::move(on_call)) {
  const std::string type = media_type_of(head.header("content-type"));
  if (type == "multipart/form-data") {
    parser_.emplace(boundary_of(head.header("content-type")), static_cast<PartSink&>(*this));
  } else if (type != "application/json") {
    throw HttpError(415, "unsupported",
                    "expected a body of multipart/form-data or application/json, found " +
                        (type.empty() ? "none" : replace_invalid_utf8(type.substr(0, 80))));
  }
  if (head.content_length.value_or(0) > max_body_bytes()) {
    throw HttpError(413, "too_large",
                    fmt::format("the body is too large: expected a file of at most {} bytes",
                                parser_ ? context_.max_upload_bytes : kMaxJsonBytes));
  }
}

std::uint64_t CaptionBody::max_body_bytes() const {
  return parser_ ? context_.max_upload_bytes + kFormBytes : kMaxJsonBytes;
}

void CaptionBody::data(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > max_body_bytes()) throw HttpError(413, "too_large", "the body is too large");
  if (parser_) {
    parser_->feed(piece);
  } else {
    text_ += piece;
  }
}

void CaptionBody::begin_part(const PartHead& head) {
  text_.clear();
  field_ = head.name;
  if (!head.is_file) return;
  LPMC_REQUIRE(head.name == "file", invalid_argument, "{}: there is no such file field; expected `file`",
               replace_invalid_utf8(head.name.substr(0, 80)));
  LPMC_REQUIRE(!upload_, invalid_argument, "file: expected one, found several; send a request for each");
  field_.clear();
  upload_ = std::make_shared<Upload>(context_.temp_folder, context_.space, context_.max_upload_bytes);
  file_name_ = harmless_file_name(head.file_name);
}

void CaptionBody::part_data(std::string_view data) {
  if (field_.empty() && upload_) return upload_->append(data);
  text_ += data;
  LPMC_REQUIRE(text_.size() <= kMaxFieldBytes, invalid_argument, "{}: expected at most {} bytes",
               replace_invalid_utf8(field_.substr(0, 80)), kMaxFieldBytes);
}

void CaptionBody::end_part() {
  if (field_.empty() && upload_) return;
  LPMC_REQUIRE(field_ != "file", invalid_argument, "file: expected an upload with a file name, found text");
  fields_.set(field_, text_);
}

void CaptionBody::read_json() {
  const auto body = nlohmann::json::parse(text_, nullptr, false);
  if (!body.is_object()) throw HttpError(400, "invalid_argument", "body: expected a JSON object");
  for (const auto& [key, value] : body.items()) {
    if (key != "path") {
      fields_.set(key, value);
      continue;
    }
    LPMC_REQUIRE(value.is_string(), invalid_argument, "path: expected a string");
    LPMC_REQUIRE(context_.media_root != nullptr, invalid_argument,
                 "path: this server has no media folder; upload the file instead");
    media_ = std::make_shared<FileDescriptor>(context_.media_root->open(value.get<std::string>()));
    file_name_ = value.get<std::string>();
  }
  LPMC_REQUIRE(media_, invalid_argument, "path: expected the name of a file, found none");
}

void CaptionBody::end() {
  if (parser_) {
    parser_->finish();
    LPMC_REQUIRE(upload_, invalid_argument, "file: expected an upload, found none");
  } else {
    read_json();
  }
  CaptionCall call;
  call.wish = fields_.wish(context_.service);
  call.path = upload_ ? upload_->path() : media_->path();
  call.file_name = file_name_;
  if (upload_) {
    call.file = std::move(upload_);
  } else {
    call.file = std::move(media_);
  }
  on_call_(std::move(call));
}

}  // namespace lpmc
