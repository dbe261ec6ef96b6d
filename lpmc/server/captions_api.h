#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lpmc/captioning/caption_service.h"
#include "lpmc/server/caption_body.h"
#include "lpmc/server/exchange.h"

namespace lpmc {

/// Captions a file and answers with the whole of it, in the format asked for.
/// @throws HttpError(429) when the service is full
void answer_with_captions(CaptionService& service, CaptionCall&& call, double max_duration_s,
                          const std::shared_ptr<Responder>& responder);

/// Captions a file and answers with an event stream: start, segment (as decoded, in the order of time),
/// progress, done or error. What fails before the first event is a plain answer.
/// @throws HttpError(429) when the service is full
void stream_captions(CaptionService& service, CaptionCall&& call, double max_duration_s,
                     const std::shared_ptr<Responder>& responder);

/// An event of a text/event-stream.
/// @param data one line
std::string server_event(std::string_view name, std::string_view data);

/// True when an Accept header prefers an event stream to JSON.
bool wants_event_stream(std::string_view accept);

}  // namespace lpmc
