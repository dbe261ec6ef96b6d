#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "lpmc/captioning/captions.h"
#include "lpmc/captioning/options.h"
#include "lpmc/generation/options.h"

namespace lpmc {

struct CaptionServiceOptions {
  std::string model = "default";    ///< as Captioner's constructor
  std::filesystem::path tokenizer;  ///< likewise
  std::string dtype = "auto";       ///< likewise
  std::string shown_model;          ///< what results call the model; empty: as it was asked for
  int batch_size = 0;               ///< segments decoded together; 0 = chosen for this machine
  int max_requests = 64;            ///< taken and not yet answered; more are refused
};

/// How far a request is.
struct RequestProgress {
  double audio_s_done = 0;
  double audio_s_known = 0;        ///< of the file, as its headers say until its end is known
  std::size_t queue_position = 0;  ///< earlier requests that wait for their first segment, too; 0 = begun
};

/// A file to caption, and who wants to know. The functions may be empty; they are called on a thread of the
/// request's own, one at a time, and must not throw.
struct CaptionRequest {
  std::filesystem::path file;
  std::string shown_name;  ///< stands for the file in results and messages
  CaptionOptions options;  ///< without batch_size, which is the service's
  GenerationOptions generation;
  double max_duration_s = 0;  ///< a file with more sound to caption fails; 0 = no limit
  std::stop_token stop = {};  ///< drops what is waiting and in work; on_done comes with kind cancelled
  std::function<void(double expected_s)> on_start = {};  ///< opened; 0 = its length is not known
  std::function<void(const Segment&)> on_segment = {};   ///< as soon as decoded, in the order of time
  std::function<void(const RequestProgress&)> on_progress = {};
  std::function<void(FileCaptions&&)> on_done = {};  ///< exactly once, last
};

/// What a service has to do and has done.
struct ServiceLoad {
  std::size_t requests = 0;          ///< taken and not yet answered
  std::size_t segments_waiting = 0;  ///< log-mels computed, not begun
  std::size_t segments_in_work = 0;
  std::uint64_t segments_done = 0;  ///< silent ones not counted
  double audio_s_done = 0;          ///< captioned, silence included
};

/// A model that captions files for many at once. One thread owns the network; segments of all requests
/// share its decoding batch, taken in turns, so that a short file does not wait for a long one. A request's
/// captions are those of Captioner::caption, whatever else is in work. Memory does not grow with the
/// length of files, but for their captions.
class CaptionService {
 public:
  /// @throws as Captioner's constructor
  explicit CaptionService(const CaptionServiceOptions& options);
  /// stop()
  ~CaptionService();
  CaptionService(const CaptionService&) = delete;
  CaptionService& operator=(const CaptionService&) = delete;

  /// Any thread. @return false when max_requests are in work: nothing of the request will be called
  /// @throws Error(invalid_argument) for options that make no sense
  bool submit(CaptionRequest request);

  /// Refuses more, and cancels what is in work; every on_done has been called when it returns. No other
  /// thread may be in submit(), and no callback may call this.
  void stop();

  /// What submit() would throw, without submitting.
  void check(const CaptionOptions& options, const GenerationOptions& generation) const;

  const std::string& model_name() const;  ///< as results show it
  std::string_view dtype() const;         ///< "f32", "bf16" or "int8"
  bool has_vocabulary() const;
  double segment_duration_s() const;
  const GenerationOptions& default_generation() const;
  ServiceLoad load() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
