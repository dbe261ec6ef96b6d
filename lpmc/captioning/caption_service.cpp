#include "lpmc/captioning/caption_service.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/audio_segmenter.h"
#include "lpmc/captioning/caption_model.h"
#include "lpmc/captioning/special_tokens.h"
#include "lpmc/captioning/track_caption.h"
#include "lpmc/model/model_card.h"

namespace lpmc {
namespace {

/// Rows that one segment may have in the batch: what bounds the memory of a step.
constexpr int kMaxRowsPerSegment = 64;

/// Segments a request may keep waiting when many others do, too.
constexpr std::size_t kLeastAhead = 2;

/// One request on its way. Its thread decodes, hands out results and answers; the service's worker takes
/// segments from it and brings hypotheses.
struct Work {
  CaptionRequest request;
  std::shared_ptr<const GenerationOptions> generation;
  std::stop_source stop;  // the client's wish, a failure, or the end of the service

  // Guarded by the service's mutex.
  std::uint64_t number = 0;
  std::deque<FileSegment> waiting;
  std::vector<std::pair<std::uint64_t, std::vector<Hypothesis>>> arrived;
  std::size_t in_work = 0;
  bool begun = false;  // the worker has taken a segment of it
  std::optional<Failure> failure;
  std::condition_variable_any changed;

  // Used by its own thread alone.
  FileCaptions captions;
  std::vector<bool> complete;  // of captions.segments
  std::size_t handed_out = 0;
  RequestProgress progress;
  double expected_s = 0;

  std::jthread thread;
};

}  // namespace

struct CaptionService::Impl {
  CaptionModel model;
  CaptionServiceOptions options;
  int batch_size;

  mutable std::mutex mutex;
  std::condition_variable_any segment_ready;
  std::condition_variable all_left;
  std::vector<std::shared_ptr<Work>> works;     // in the order they came
  std::vector<std::shared_ptr<Work>> finished;  // their threads are ending
  std::size_t turn = 0;                         // whose segment is next: index into works
  std::uint64_t works_begun = 0;
  struct Place {
    std::shared_ptr<Work> work;
    std::uint64_t index;
  };
  std::map<std::uint64_t, Place> in_work;  // by task id
  std::uint64_t next_task_id = 0;
  ServiceLoad totals;  // segments_done, audio_s_done
  bool closed = false;
  std::jthread worker;

  explicit Impl(const CaptionServiceOptions& service_options)
      : model(service_options.model, service_options.tokenizer, service_options.dtype),
        options(service_options),
        batch_size(service_options.batch_size == 0 ? kDefaultBatchSize : service_options.batch_size) {
    LPMC_REQUIRE(options.max_requests >= 1, invalid_argument, "max_requests: expected at least 1, found {}",
                 options.max_requests);
    if (options.shown_model.empty()) options.shown_model = model.name;
    auto scheduler = std::make_shared<Scheduler>(model.config, model.network(),
                                                 SchedulerOptions{batch_size, model.generation});
    worker = std::jthread([this, scheduler](const std::stop_token& stop) { work(*scheduler, stop); });
  }

  // The worker.

  void work(Scheduler& scheduler, const std::stop_token& stop) {
    TaskFlow flow;
    flow.next = [&](bool may_wait) { return next_task(may_wait, stop); };
    flow.done = [&](SegmentResult&& result) { take_result(std::move(result)); };
    flow.is_unwanted = [&](std::uint64_t id) { return drop_if_unwanted(id); };
    while (!stop.stop_requested()) {
      try {
        scheduler.run(flow, stop);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::cancelled) fail_in_work({error.kind(), error.what()});
      } catch (const std::exception& error) {
        fail_in_work({ErrorKind::io, error.what()});
      }
    }
  }

  NextTask next_task(bool may_wait, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    if (may_wait) segment_ready.wait(lock, stop, [&] { return next_work() != nullptr; });
    const std::shared_ptr<Work> chosen = next_work();
    if (!chosen) return NoTaskYet{};
    FileSegment segment = std::move(chosen->waiting.front());
    chosen->waiting.pop_front();
    chosen->begun = true;
    ++chosen->in_work;
    const std::uint64_t id = next_task_id++;
    in_work.emplace(id, Place{chosen, segment.index});
    turn = static_cast<std::size_t>(std::find(works.begin(), works.end(), chosen) - works.begin()) + 1;
    chosen->changed.notify_one();  // room
    return SegmentTask{id, segment.index, std::move(segment.log_mel), chosen->generation};
  }

  /// Whose turn it is, of those that have a segment; null: nobody has. @pre mutex is held
  std::shared_ptr<Work> next_work() const {
    for (std::size_t i = 0; i < works.size(); ++i) {
      const std::shared_ptr<Work>& candidate = works[(turn + i) % works.size()];
      if (!candidate->waiting.empty() && !candidate->stop.stop_requested()) return candidate;
    }
    return nullptr;
  }

  void take_result(SegmentResult&& result) {
    const std::lock_guard lock(mutex);
    const auto place = in_work.extract(result.id);
    Work& work = *place.mapped().work;
    --work.in_work;
    work.arrived.emplace_back(place.mapped().index, std::move(result.hypotheses));
    ++totals.segments_done;
    work.changed.notify_one();
  }

  bool drop_if_unwanted(std::uint64_t id) {
    const std::lock_guard lock(mutex);
    const auto place = in_work.find(id);
    if (!place->second.work->stop.stop_requested()) return false;
    --place->second.work->in_work;
    in_work.erase(place);
    return true;
  }

  /// The network or a search has failed: whoever had a segment in it cannot be answered.
  void fail_in_work(const Failure& failure) {
    log(LogLevel::error, "captioning failed: {}", failure.message);
    std::vector<std::shared_ptr<Work>> hit;
    {
      const std::lock_guard lock(mutex);
      for (auto& [id, place] : in_work) {
        place.work->failure = failure;
        place.work->in_work = 0;
        hit.push_back(place.work);
      }
      in_work.clear();
    }
    for (const auto& failed : hit)
      failed->stop.request_stop();
  }

  // A request's own thread.

  void run(const std::shared_ptr<Work>& shared) {
    Work& work = *shared;
    const std::stop_callback pass_on(work.request.stop, [&] { work.stop.request_stop(); });
    const std::stop_token stop = work.stop.get_token();
    try {
      const AudioSegmenter segmenter(model.config, *model.log_mel, work.request.options);
      const auto sink = [&](AudioEvent&& event) { return take_event(work, std::move(event), stop); };
      const bool whole = segmenter.process(0, work.request.file, sink, stop);
      if (whole && !work.captions.failure) wait_for_results(work, stop);
    } catch (const std::exception& error) {
      work.captions.failure = Failure{ErrorKind::io, error.what()};
    }
    finish(shared);
  }

  bool take_event(Work& work, AudioEvent&& event, const std::stop_token& stop) {
    if (const auto* begin = std::get_if<FileBegin>(&event)) {
      work.expected_s = work.progress.audio_s_known = begin->expected_s;
      require_bounded(work, begin->expected_s);
      if (work.request.on_start) work.request.on_start(begin->expected_s);
      report(work);
    } else if (auto* segment = std::get_if<FileSegment>(&event)) {
      require_bounded(work, segment->end_s - work.request.options.start_s);
      return add_segment(work, std::move(*segment), stop);
    } else {
      auto& end = std::get<FileEnd>(event);
      work.captions.duration_s = work.progress.audio_s_known = end.duration_s;
      work.captions.warnings = std::move(end.warnings);
      work.captions.failure = std::move(end.failure);
    }
    return true;
  }

  static void require_bounded(const Work& work, double seconds) {
    const double most = work.request.max_duration_s;
    LPMC_REQUIRE(most <= 0 || seconds <= most + 0.5, invalid_argument,
                 "{}: too long: expected at most {} s of sound, found {:.0f} s or more; `start` and "
                 "`duration` choose a part",
                 work.request.shown_name, most, seconds);
  }

  bool add_segment(Work& work, FileSegment&& event, const std::stop_token& stop) {
    Segment segment;
    segment.start_s = event.start_s;
    segment.end_s = event.end_s;
    segment.silent = event.silent;
    work.captions.segments.push_back(std::move(segment));
    work.complete.push_back(event.silent);
    if (event.silent) {
      hand_out(work);
      return !stop.stop_requested();
    }
    while (true) {
      std::unique_lock lock(mutex);
      const auto has_room = [&] { return work.waiting.size() < segments_ahead(); };
      if (!work.changed.wait(lock, stop, [&] { return has_room() || !work.arrived.empty(); })) return false;
      if (has_room()) {
        work.waiting.push_back(std::move(event));
        segment_ready.notify_one();
        lock.unlock();
        take_arrived(work);
        return true;
      }
      lock.unlock();
      take_arrived(work);
    }
  }

  /// What keeps the batch full when there is one request, and the memory bounded when there are many.
  /// @pre mutex is held
  std::size_t segments_ahead() const {
    return std::max(kLeastAhead,
                    static_cast<std::size_t>(batch_size) / std::max<std::size_t>(1, works.size()));
  }

  void wait_for_results(Work& work, const std::stop_token& stop) {
    while (work.handed_out < work.captions.segments.size()) {
      {
        std::unique_lock lock(mutex);
        if (!work.changed.wait(lock, stop, [&] { return !work.arrived.empty(); })) return;
      }
      take_arrived(work);
    }
  }

  void take_arrived(Work& work) {
    std::vector<std::pair<std::uint64_t, std::vector<Hypothesis>>> arrived;
    {
      const std::lock_guard lock(mutex);
      arrived.swap(work.arrived);
    }
    for (auto& [index, hypotheses] : arrived) {
      work.captions.segments[index].candidates = model.candidates_of(std::move(hypotheses));
      work.complete[index] = true;
    }
    hand_out(work);
  }

  /// Segments leave in the order of time.
  void hand_out(Work& work) {
    while (work.handed_out < work.complete.size() && work.complete[work.handed_out]) {
      const Segment& segment = work.captions.segments[work.handed_out++];
      work.progress.audio_s_done += segment.end_s - segment.start_s;
      {
        const std::lock_guard lock(mutex);
        totals.audio_s_done += segment.end_s - segment.start_s;
      }
      if (work.request.on_segment) work.request.on_segment(segment);
      report(work);
    }
  }

  void report(Work& work) {
    if (!work.request.on_progress) return;
    {
      const std::lock_guard lock(mutex);
      work.progress.queue_position =
          work.begun ? 0
                     : static_cast<std::size_t>(std::count_if(works.begin(), works.end(), [&](const auto& w) {
                         return !w->begun && w->number < work.number;
                       }));
    }
    work.progress.audio_s_known = std::max(work.progress.audio_s_known, work.progress.audio_s_done);
    work.request.on_progress(work.progress);
  }

  void finish(const std::shared_ptr<Work>& shared) {
    Work& work = *shared;
    FileCaptions captions = std::move(work.captions);
    std::optional<Failure> broken;
    {
      const std::lock_guard lock(mutex);
      broken = work.failure;
    }
    const bool whole = work.handed_out == captions.segments.size();
    if (broken) {
      captions.failure = broken;
    } else if (!captions.failure && (!whole || work.stop.stop_requested())) {
      captions.failure = Failure{ErrorKind::cancelled, work.request.shown_name + ": cancelled"};
    }
    captions.file = work.request.shown_name;
    captions.model = options.shown_model;
    if (captions.failure) {
      captions.segments.clear();  // a failed input never yields a caption
      captions.failure->message = without_path(std::move(captions.failure->message), work.request);
    } else if (work.request.options.track) {
      captions.track_caption = track_caption(captions.segments);
    }
    work.stop.request_stop();  // what is still in the batch is nobody's
    leave(shared);
    const auto on_done = std::exchange(work.request.on_done, nullptr);
    if (on_done) on_done(std::move(captions));
    work.request.on_start = nullptr;
    work.request.on_segment = nullptr;
    work.request.on_progress = nullptr;
  }

  /// Before the answer: who gets it may ask again at once.
  void leave(const std::shared_ptr<Work>& shared) {
    const std::lock_guard lock(mutex);
    shared->waiting.clear();
    const auto place = std::find(works.begin(), works.end(), shared);
    if (static_cast<std::size_t>(place - works.begin()) < turn) --turn;
    works.erase(place);
    finished.push_back(shared);
    if (works.empty()) all_left.notify_all();
  }

  /// A message may name the file by where it lies here, which is nobody's business.
  static std::string without_path(std::string message, const CaptionRequest& request) {
    const std::string path = display_path(request.file);
    if (path.empty()) return message;
    for (std::size_t at = message.find(path); at != std::string::npos;
         at = message.find(path, at + request.shown_name.size())) {
      message.replace(at, path.size(), request.shown_name);
    }
    return message;
  }

  void join_finished() {
    std::vector<std::shared_ptr<Work>> ending;
    {
      const std::lock_guard lock(mutex);
      // A callback may submit the next request: its own thread cannot be joined from itself.
      const auto others = std::partition(finished.begin(), finished.end(), [](const auto& work) {
        return work->thread.get_id() == std::this_thread::get_id();
      });
      ending.assign(std::make_move_iterator(others), std::make_move_iterator(finished.end()));
      finished.erase(others, finished.end());
    }
    for (const auto& work : ending)
      work->thread.join();
  }
};

CaptionService::CaptionService(const CaptionServiceOptions& options)
    : impl_(std::make_unique<Impl>(options)) {}

CaptionService::~CaptionService() {
  stop();
  impl_->worker.request_stop();
  impl_->worker.join();
}

void CaptionService::stop() {
  std::vector<std::shared_ptr<Work>> open;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closed = true;
    open = impl_->works;
  }
  for (const auto& work : open)
    work->stop.request_stop();
  {
    std::unique_lock lock(impl_->mutex);
    impl_->all_left.wait(lock, [this] { return impl_->works.empty(); });
  }
  impl_->join_finished();
}

void CaptionService::check(const CaptionOptions& options, const GenerationOptions& generation) const {
  validate(options);
  LPMC_REQUIRE(options.batch_size == 0, invalid_argument,
               "batch_size: expected none, found {}: it is the service's", options.batch_size);
  validate(generation, special_tokens(impl_->model.config), impl_->model.config.vocab_size);
  const int draws = generation.sample ? generation.n_best : 1;
  LPMC_REQUIRE(generation.num_beams * draws <= kMaxRowsPerSegment, invalid_argument,
               "num_beams: expected at most {} rows a segment (num_beams x n_best when sampling), found {}",
               kMaxRowsPerSegment, generation.num_beams * draws);
}

bool CaptionService::submit(CaptionRequest request) {
  check(request.options, request.generation);
  Impl& impl = *impl_;
  impl.join_finished();
  auto work = std::make_shared<Work>();
  work->generation = std::make_shared<const GenerationOptions>(request.generation);
  work->request = std::move(request);
  const std::lock_guard lock(impl.mutex);
  if (impl.closed || impl.works.size() >= static_cast<std::size_t>(impl.options.max_requests)) return false;
  work->number = impl.works_begun++;
  impl.works.push_back(work);
  // Under the lock: whoever finds the work finds its thread.
  work->thread = std::jthread([&impl, work] { impl.run(work); });
  return true;
}

const std::string& CaptionService::model_name() const {
  return impl_->options.shown_model;
}
std::string_view CaptionService::dtype() const {
  return arithmetic_name(impl_->model.arithmetic);
}
bool CaptionService::has_vocabulary() const {
  return impl_->model.tokenizer.has_value();
}
double CaptionService::segment_duration_s() const {
  return impl_->model.config.duration_s;
}
const GenerationOptions& CaptionService::default_generation() const {
  return impl_->model.generation;
}

ServiceLoad CaptionService::load() const {
  const std::lock_guard lock(impl_->mutex);
  ServiceLoad load = impl_->totals;
  load.requests = impl_->works.size();
  load.segments_in_work = impl_->in_work.size();
  for (const auto& work : impl_->works)
    load.segments_waiting += work->waiting.size();
  return load;
}

}  // namespace lpmc
