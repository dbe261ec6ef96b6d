#include "lpmc/captioning/audio_pipeline.h"

#include <exception>
#include <stop_token>
#include <thread>
#include <utility>

#include "lpmc/base/bounded_queue.h"

namespace lpmc {

struct AudioPipeline::Impl {
  AudioSegmenter segmenter;
  std::function<std::optional<AudioInput>()> next_file;
  BoundedQueue<AudioEvent> queue;
  std::stop_source stop_source;
  std::exception_ptr error;  // of next_file; written before the queue closes, read after it is empty
  std::jthread thread;

  Impl(const ModelConfig& config, const LogMel& log_mel, const CaptionOptions& options, std::size_t ahead,
       std::function<std::optional<AudioInput>()> files)
      : segmenter(config, log_mel, options), next_file(std::move(files)), queue(ahead) {}

  void work() {
    const auto sink = [this](AudioEvent&& event) { return queue.push(std::move(event)); };
    try {
      std::uint64_t file = 0;
      while (const auto input = next_file()) {
        if (stop_source.stop_requested()) break;
        if (!segmenter.process(file++, *input, sink, stop_source.get_token())) break;
      }
    } catch (...) {
      error = std::current_exception();
    }
    queue.close();
  }
};

AudioPipeline::AudioPipeline(const ModelConfig& config, const LogMel& log_mel, const CaptionOptions& options,
                             std::size_t ahead, std::function<std::optional<AudioInput>()> next_file)
    : impl_(std::make_unique<Impl>(config, log_mel, options, ahead, std::move(next_file))) {
  impl_->thread = std::jthread([impl = impl_.get()] { impl->work(); });
}

AudioPipeline::~AudioPipeline() {
  stop();
}

std::optional<AudioEvent> AudioPipeline::next() {
  std::optional<AudioEvent> event = impl_->queue.pop();
  if (!event && impl_->error) std::rethrow_exception(std::exchange(impl_->error, nullptr));
  return event;
}

void AudioPipeline::stop() {
  impl_->stop_source.request_stop();
  impl_->queue.close();
}

}  // namespace lpmc
