#include "lpmc/captioning/captioner.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/captioning/audio_pipeline.h"
#include "lpmc/captioning/caption_model.h"
#include "lpmc/captioning/track_caption.h"
#include "lpmc/model/model_card.h"

namespace lpmc {
namespace {

/// Log-mels that may wait. Decoding is far faster than captioning, so a few keep the batch fed.
constexpr std::size_t kSegmentsAhead = 8;

/// Puts segments, which end in any order, back into files, which leave in order.
class FileAssembly {
 public:
  FileAssembly(const Captioner::Batch& batch, std::string model, bool track)
      : batch_(batch), model_(std::move(model)), track_(track) {}

  void begin(const FileBegin& event) {
    PendingFile& file = files_[event.file];
    file.captions.file = event.path;
    file.captions.model = model_;
    file.expected_s = event.expected_s;
    progress_.audio_s_known += event.expected_s;
    report();
  }

  void add(const FileSegment& event) {
    PendingFile& file = files_.at(event.file);
    Segment segment;
    segment.start_s = event.start_s;
    segment.end_s = event.end_s;
    segment.silent = event.silent;
    file.captions.segments.push_back(std::move(segment));
    if (event.silent) {
      finished_segment(file.captions.segments.back());
    } else {
      ++file.open_segments;
    }
  }

  void set_candidates(std::uint64_t file_number, std::uint64_t index, std::vector<Candidate> candidates) {
    PendingFile& file = files_.at(file_number);
    Segment& segment = file.captions.segments[index];
    segment.candidates = std::move(candidates);
    --file.open_segments;
    finished_segment(segment);
    hand_out();
  }

  void end(FileEnd&& event) {
    PendingFile& file = files_.at(event.file);
    file.ended = true;
    file.captions.duration_s = event.duration_s;
    file.captions.warnings = std::move(event.warnings);
    file.captions.failure = std::move(event.failure);
    progress_.audio_s_known += event.duration_s - file.expected_s;
    hand_out();
  }

 private:
  struct PendingFile {
    FileCaptions captions;
    double expected_s = 0;
    std::size_t open_segments = 0;
    bool ended = false;
  };

  void finished_segment(const Segment& segment) {
    ++progress_.segments_done;
    progress_.audio_s_done += segment.end_s - segment.start_s;
    report();
  }

  void hand_out() {
    while (!files_.empty() && files_.begin()->second.ended && files_.begin()->second.open_segments == 0) {
      FileCaptions captions = std::move(files_.begin()->second.captions);
      files_.erase(files_.begin());
      if (captions.failure) captions.segments.clear();  // a failed input never yields a caption
      if (track_ && !captions.failure) captions.track_caption = track_caption(captions.segments);
      ++progress_.files_done;
      batch_.on_file(std::move(captions));
      report();
    }
  }

  void report() {
    if (batch_.on_progress) batch_.on_progress(progress_);
  }

  const Captioner::Batch& batch_;
  std::string model_;
  bool track_;
  std::map<std::uint64_t, PendingFile> files_;  // by number: the first is the next to leave
  CaptionProgress progress_;
};

}  // namespace

void validate(const CaptionOptions& o) {
  // "not at least" instead of "less than" also catches NaN
  LPMC_REQUIRE(o.hop_s >= 0 && (o.hop_s == 0 || o.hop_s >= 0.01) && o.hop_s <= 1e6, invalid_argument,
               "hop: expected 0 or 0.01 to 1000000 seconds, found {}", o.hop_s);
  LPMC_REQUIRE(o.start_s >= 0 && o.start_s <= 1e9, invalid_argument,
               "start: expected 0 or more seconds, found {}", o.start_s);
  LPMC_REQUIRE(o.duration_s >= 0 && o.duration_s <= 1e9, invalid_argument,
               "duration: expected 0 or more seconds, found {}", o.duration_s);
  LPMC_REQUIRE(o.tail == "pad" || o.tail == "drop", invalid_argument,
               "tail: expected pad or drop, found '{}'", o.tail);
  LPMC_REQUIRE(o.compat == "none" || o.compat == "original", invalid_argument,
               "compat: expected none or original, found '{}'", o.compat);
  LPMC_REQUIRE(o.batch_size >= 0 && o.batch_size <= 1024, invalid_argument,
               "batch-size: expected 0 to 1024, found {}", o.batch_size);
  LPMC_REQUIRE(o.compat == "none" || o.hop_s == 0, invalid_argument,
               "hop: expected none with compat original, found {}", o.hop_s);
}

struct Captioner::Impl : CaptionModel {
  using CaptionModel::CaptionModel;

  void caption_files(const Batch& batch, const CaptionOptions& options, const GenerationOptions& search);
};

void Captioner::Impl::caption_files(const Batch& batch, const CaptionOptions& options,
                                    const GenerationOptions& search) {
  validate(options);
  const int batch_size = options.batch_size == 0 ? kDefaultBatchSize : options.batch_size;
  Scheduler scheduler(config, network(), {batch_size, search});
  FileAssembly assembly(batch, name, options.track);
  AudioPipeline pipeline(config, *log_mel, options, kSegmentsAhead, batch.next_file);
  const std::stop_callback stop_pipeline(batch.stop, [&] { pipeline.stop(); });

  struct Place {
    std::uint64_t file, index;
  };
  std::map<std::uint64_t, Place> in_work;
  std::uint64_t next_id = 0;

  const auto next_task = [&]() -> std::optional<SegmentTask> {
    while (auto event = pipeline.next()) {
      if (const auto* begin = std::get_if<FileBegin>(&*event)) assembly.begin(*begin);
      if (auto* end = std::get_if<FileEnd>(&*event)) assembly.end(std::move(*end));
      auto* segment = std::get_if<FileSegment>(&*event);
      if (segment == nullptr) continue;
      assembly.add(*segment);
      if (segment->silent) continue;
      in_work.emplace(next_id, Place{segment->file, segment->index});
      return SegmentTask{next_id++, segment->index, std::move(segment->log_mel)};
    }
    return std::nullopt;
  };
  const auto done = [&](SegmentResult&& result) {
    const auto place = in_work.extract(result.id).mapped();
    assembly.set_candidates(place.file, place.index, candidates_of(std::move(result.hypotheses)));
  };
  scheduler.run(next_task, done, batch.stop);
  LPMC_REQUIRE(!batch.stop.stop_requested(), cancelled, "captioning: stopped on request");
}

Captioner::Captioner(std::string_view model, const std::filesystem::path& tokenizer, std::string_view dtype)
    : impl_(std::make_unique<Impl>(model, tokenizer, dtype)) {}
Captioner::~Captioner() = default;
Captioner::Captioner(Captioner&&) noexcept = default;
Captioner& Captioner::operator=(Captioner&&) noexcept = default;

const std::string& Captioner::model_name() const {
  return impl_->name;
}
std::string_view Captioner::dtype() const {
  return arithmetic_name(impl_->arithmetic);
}
bool Captioner::has_vocabulary() const {
  return impl_->tokenizer.has_value();
}
double Captioner::segment_duration_s() const {
  return impl_->config.duration_s;
}
const GenerationOptions& Captioner::default_generation() const {
  return impl_->generation;
}

FileCaptions Captioner::caption(const std::filesystem::path& file, const CaptionOptions& options) {
  return caption(file, options, impl_->generation);
}

FileCaptions Captioner::caption(const std::filesystem::path& file, const CaptionOptions& options,
                                const GenerationOptions& generation) {
  FileCaptions result;
  Batch batch;
  batch.next_file = [&, given = false]() mutable -> std::optional<AudioInput> {
    if (std::exchange(given, true)) return std::nullopt;
    return file;
  };
  batch.on_file = [&](FileCaptions&& captions) { result = std::move(captions); };
  caption_files(batch, options, generation);
  if (result.failure) throw Error(result.failure->kind, result.failure->message);
  return result;
}

void Captioner::caption_files(const Batch& batch, const CaptionOptions& options,
                              const GenerationOptions& generation) {
  impl_->caption_files(batch, options, generation);
}

GenerationOptions original_sampling(const GenerationOptions& base) {
  GenerationOptions options = base;
  options.sample = true;
  options.num_beams = 4;
  options.top_p = 0.9;
  options.top_k = 50;
  options.temperature = 1.0;
  options.repetition_penalty = 1.1;
  return options;
}

}  // namespace lpmc
