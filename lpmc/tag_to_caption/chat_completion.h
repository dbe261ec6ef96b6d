#pragma once

// Reading what chat servers send, beside parse_chat_completion of chat_client.h: their errors and headers.

#include <optional>
#include <string>
#include <string_view>

#include "lpmc/http/http_client.h"
#include "lpmc/tag_to_caption/chat_client.h"

namespace lpmc {

/// What a server says of a failure, as one printable line of bounded length: {"error": {"message"}},
/// {"error"},
/// {"message"}, {"detail"} in FastAPI's two ways, a page's title, else the text's beginning. "" when there is
/// nothing.
std::string server_error_message(std::string_view body);

/// x-ratelimit-* as OpenAI sends them; resets like "1s", "6m0s", "120ms".
ServerLimits read_server_limits(const HttpResponse& response);

/// "1h2m3.5s", "120ms", "17" (seconds).
std::optional<double> parse_duration_s(std::string_view text);

/// True when a server refuses the response_format it was sent, in any known server's words.
bool refuses_response_format(const ChatReply& reply);

/// True when a server wants max_completion_tokens for max_tokens.
bool refuses_max_tokens(const ChatReply& reply);

/// `text` without `key` and without what servers repeat of a key ("sk-...", "abc***xyz").
std::string hide_key(std::string_view text, const Secret& key);

}  // namespace lpmc
