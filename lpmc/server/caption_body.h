#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lpmc/server/caption_fields.h"
#include "lpmc/server/exchange.h"
#include "lpmc/server/media_root.h"
#include "lpmc/server/multipart.h"
#include "lpmc/server/upload.h"

namespace lpmc {

/// A file to caption, and how.
struct CaptionCall {
  CaptionWish wish;
  std::filesystem::path path;        ///< opens the file
  std::string file_name;             ///< as the client calls it
  std::shared_ptr<const void> file;  ///< keeps it
};

/// What bodies are read with; must live as long as every reader.
struct BodyContext {
  const CaptionService& service;
  std::shared_ptr<UploadSpace> space;
  std::filesystem::path temp_folder;
  std::uint64_t max_upload_bytes = 0;
  const MediaRoot* media_root = nullptr;  ///< null: bodies must bring their file
};

/// Reads the body of a caption request: multipart/form-data with `file` and fields, or JSON with `path` and
/// fields. The upload goes straight to disk.
class CaptionBody : public BodyReader, private PartSink {
 public:
  /// @param on_call takes what was asked for, once the body is whole
  /// @throws HttpError(415) for another type of body, HttpError(413) for one announced too large
  CaptionBody(const RequestHead& head, const BodyContext& context,
              std::function<void(CaptionCall&&)> on_call);

  void data(std::string_view piece) override;
  void end() override;

 private:
  void begin_part(const PartHead& head) override;
  void part_data(std::string_view data) override;
  void end_part() override;
  void read_json();
  std::uint64_t max_body_bytes() const;

  const BodyContext& context_;
  std::function<void(CaptionCall&&)> on_call_;
  std::optional<MultipartParser> parser_;  // none: JSON
  CaptionFields fields_;
  std::string text_;   // of the JSON body, or the present field
  std::string field_;  // the present field; empty: the file
  std::uint64_t bytes_ = 0;
  std::shared_ptr<Upload> upload_;
  std::string file_name_;
  std::shared_ptr<FileDescriptor> media_;
};

/// A client's name for a file as it may be repeated: the last part of a path, valid UTF-8 without control
/// characters, at most 255 bytes.
std::string harmless_file_name(std::string_view name);

}  // namespace lpmc
