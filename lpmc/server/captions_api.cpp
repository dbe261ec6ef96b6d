#include "lpmc/server/captions_api.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/server/http_error.h"
#include "lpmc/server/jobs.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

CaptionRequest request_of(const CaptionCall& call, double max_duration_s, const Responder& responder) {
  CaptionRequest request;
  request.file = call.path;
  request.shown_name = call.file_name;
  request.options = call.wish.caption;
  request.generation = call.wish.generation;
  request.max_duration_s = max_duration_s;
  request.stop = responder.client_gone();
  return request;
}

std::string one_line(std::string text) {
  while (text.ends_with('\n'))
    text.pop_back();
  return text;
}

Json seconds_or_null(double seconds) {
  return seconds > 0 ? Json(seconds) : Json();
}

}  // namespace

std::string server_event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

bool wants_event_stream(std::string_view accept) {
  return accept.find("text/event-stream") != std::string_view::npos;
}

void answer_with_captions(CaptionService& service, CaptionCall&& call, double max_duration_s,
                          const std::shared_ptr<Responder>& responder) {
  CaptionRequest request = request_of(call, max_duration_s, *responder);
  request.on_done = [responder, wish = call.wish, file = call.file](FileCaptions&& captions) {
    if (captions.failure) return responder->send(error_reply(*captions.failure));
    Reply reply;
    reply.content_type = content_type_of(wish.format);
    reply.body = caption_document(captions, wish.format, wish.format_options);
    responder->send(std::move(reply));
  };
  if (!service.submit(std::move(request))) throw queue_full();
}

void stream_captions(CaptionService& service, CaptionCall&& call, double max_duration_s,
                     const std::shared_ptr<Responder>& responder) {
  CaptionRequest request = request_of(call, max_duration_s, *responder);
  const auto started = std::make_shared<bool>(false);  // on the request's thread alone
  request.on_start = [responder, started, &service, name = call.file_name](double expected_s) {
    *started = true;
    Reply head;
    head.content_type = "text/event-stream";
    head.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy must not collect events
    responder->start_stream(std::move(head));
    const Json start = {{"file", name},
                        {"model", service.model_name()},
                        {"segment_duration_s", service.segment_duration_s()},
                        {"duration_s", seconds_or_null(expected_s)}};
    responder->write(server_event("start", start.dump()));
  };
  request.on_segment = [responder, options = call.wish.format_options](const Segment& segment) {
    responder->write(server_event("segment", segment_object(segment, options)));
  };
  request.on_progress = [responder](const RequestProgress& progress) {
    const Json json = {{"audio_s_done", progress.audio_s_done},
                       {"audio_s_known", progress.audio_s_known},
                       {"queue_position", progress.queue_position}};
    responder->write(server_event("progress", json.dump()));
  };
  request.on_done = [responder, started, wish = call.wish, file = call.file](FileCaptions&& captions) {
    if (!*started && captions.failure) return responder->send(error_reply(*captions.failure));
    if (captions.failure) {
      responder->write(server_event("error", error_json(*captions.failure)));
    } else {
      responder->write(server_event(
          "done", one_line(caption_document(captions, CaptionFormat::jsonl, wish.format_options))));
    }
    responder->finish_stream();
  };
  if (!service.submit(std::move(request))) throw queue_full();
}

}  // namespace lpmc
