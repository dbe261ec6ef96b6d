#pragma once

#include <string>

#include "lpmc/captioning/caption_service.h"
#include "lpmc/server/server_options.h"

namespace lpmc {

/// The API as an OpenAPI 3.1 document, made of the option lists that the server itself reads.
std::string openapi_document(const CaptionService& service, const ServerOptions& options, bool needs_key,
                             const std::string& version);

}  // namespace lpmc
