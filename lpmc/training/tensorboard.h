#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace lpmc {

/// CRC-32C (Castagnoli) of bytes, as TensorFlow's record files mask it: rotated right by 15, plus a constant.
std::uint32_t masked_crc32c(std::string_view bytes);

/// A TensorBoard event file: TFRecord framing, protobuf Events, scalars only.
/// Source: tensorflow core/lib/io/record_writer, core/util/event.proto, core/framework/summary.proto.
class EventFile {
 public:
  /// Makes `folder`/events.out.tfevents.<seconds>.lpmc.<process id>. Events of earlier files at `first_step`
  /// or later are no part of the run any more, and TensorBoard is told to forget them.
  /// @throws Error(io)
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);

  /// @param scalars tag to value: "train/loss"
  /// @throws Error(io)
  void add(std::int64_t step, const std::map<std::string, double>& scalars);

 private:
  void write_record(std::string_view event);

  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace lpmc
