// What a language model answers: wrappers off, dictionary or sentence out; also a whole chat completion.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/answer.h"
#include "lpmc/tag_to_caption/chat_client.h"

namespace {

/// One line, trimmed, well-formed, not empty.
void check_line(const std::string& line) {
  if (line.empty() || line.front() == ' ' || line.back() == ' ' || !lpmc::is_valid_utf8(line)) std::abort();
  for (const char c : line)
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
}

void check(const std::optional<lpmc::Answer>& answer) {
  if (!answer) return;
  check_line(answer->caption);
  for (const std::string& attribute : answer->new_attributes)
    check_line(attribute);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  check(lpmc::parse_dictionary_answer(text));
  check(lpmc::parse_plain_answer(text));
  if (lpmc::strip_wrappers(text).size() > text.size()) std::abort();
  for (const int status : {200, 400}) {
    const lpmc::ChatReply reply = lpmc::parse_chat_completion(status, text);
    if (reply.ok == !reply.error.empty() || !lpmc::is_valid_utf8(reply.text + reply.error)) std::abort();
  }
  return 0;
}
