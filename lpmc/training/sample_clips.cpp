#include "lpmc/training/sample_clips.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void append(std::string& bytes, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i)
    bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

/// 16-bit mono PCM with the 44-byte header that every program reads.
std::string wav_of(std::span<const float> samples, int sample_rate) {
  const auto data_bytes = static_cast<std::uint32_t>(samples.size() * 2);
  const auto rate = static_cast<std::uint32_t>(sample_rate);
  std::string bytes = "RIFF";
  append(bytes, 36 + data_bytes, 4);
  bytes += "WAVEfmt ";
  append(bytes, 16, 4);
  append(bytes, 1, 2);  // PCM
  append(bytes, 1, 2);  // channels
  append(bytes, rate, 4);
  append(bytes, rate * 2, 4);
  append(bytes, 2, 2);
  append(bytes, 16, 2);
  bytes += "data";
  append(bytes, data_bytes, 4);
  for (const float sample : samples) {
    const float scaled = std::clamp(std::round(sample * 32768.0F), -32768.0F, 32767.0F);
    append(bytes, static_cast<std::uint32_t>(static_cast<std::int32_t>(scaled)), 2);
  }
  return bytes;
}

}  // namespace

std::vector<std::size_t> spread_items(std::size_t size, std::size_t count) {
  std::vector<std::size_t> items;
  const std::size_t taken = count == 0 ? size : std::min(size, count);
  for (std::size_t i = 0; i < taken; ++i)
    items.push_back(i * size / taken);
  return items;
}

SampleClips::SampleClips(const ManifestClips& clips, std::size_t count, const ModelConfig& config,
                         fs::path folder)
    : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail_errno(display_path(folder_), error.value());
  std::string manifest;
  std::vector<float> waveform(static_cast<std::size_t>(config.segment_samples()));
  for (const std::size_t item : count == 0 ? std::vector<std::size_t>() : spread_items(clips.size(), count)) {
    const std::string file = fmt::format("{}.wav", clips_.size());
    CounterRandom random(0, item);
    clips.read(item, random, waveform);
    write_file_atomically(folder_ / file, wav_of(waveform, config.mel.sample_rate));
    manifest += json{{"id", file}, {"audio", file}}.dump() + "\n";
    clips_.push_back({{"id", clips.id(item)},
                      {"audio", (folder_.filename() / file).string()},
                      {"reference", clips.reference(item)}});
  }
  write_file_atomically(folder_ / "manifest.jsonl", manifest);
}

json SampleClips::captions(const fs::path& model, const CaptionClips& caption) {
  json captioned = json::array();
  if (clips_.empty() || !caption) return captioned;
  try {
    const std::vector<std::string> texts = caption(model, folder_ / "manifest.jsonl");
    LPMC_REQUIRE(texts.size() == clips_.size(), corrupt, "expected {} captions, found {}", clips_.size(),
                 texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      json clip = clips_[i];
      clip["caption"] = texts[i];
      captioned.push_back(std::move(clip));
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    if (!std::exchange(has_warned_, true)) {
      log(LogLevel::warning, "sample captions: {}; training goes on without them", error.what());
    }
  }
  return captioned;
}

}  // namespace lpmc
