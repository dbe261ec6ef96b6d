// What clients send: multipart bodies give the same parts in pieces as in one; fields and headers are read
// or refused.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lpmc/base/error.h"
#include "lpmc/server/access.h"
#include "lpmc/server/caption_body.h"
#include "lpmc/server/caption_fields.h"
#include "lpmc/server/exchange.h"
#include "lpmc/server/http_error.h"
#include "lpmc/server/multipart.h"

namespace {

class Collector : public lpmc::PartSink {
 public:
  void begin_part(const lpmc::PartHead& head) override {
    parts += "<" + head.name + "|" + head.file_name + "|" + head.content_type + ">";
  }
  void part_data(std::string_view data) override { parts += data; }
  void end_part() override { parts += "</>"; }

  std::string parts;
};

std::string parse(std::string_view body, std::size_t piece) {
  Collector collector;
  try {
    lpmc::MultipartParser parser("X", collector);
    for (std::size_t at = 0; at < body.size(); at += piece)
      parser.feed(body.substr(at, piece));
    parser.finish();
  } catch (const lpmc::HttpError&) {
    return "refused";  // at which byte depends on the pieces
  }
  return collector.parts;
}

template <class Read>
void read(const Read& action) {
  try {
    action();
  } catch (const lpmc::HttpError&) {
  } catch (const lpmc::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)) + 1, size - 1);
  const std::size_t piece = 1 + data[0] % 32;
  if (parse(text, piece) != parse(text, text.size() + 1)) std::abort();
  read([&] { lpmc::boundary_of(text); });
  read([&] { lpmc::parse_part_head(text); });
  read([&] {
    const std::size_t equals = std::min(text.find('='), text.size());
    lpmc::CaptionFields fields;
    fields.set(text.substr(0, equals), std::string(text.substr(std::min(equals + 1, text.size()))));
  });
  read([&] {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    lpmc::CaptionFields fields;
    if (!json.is_object()) return;
    for (const auto& [key, value] : json.items())
      fields.set(key, value);
  });
  lpmc::RequestHead head;
  head.query = text;
  head.query_value("response_format");
  lpmc::host_name(text);
  lpmc::BearerKeys keys;
  keys.add("key");
  if (keys.accepts(text) && text.substr(7).find("key") == std::string_view::npos) std::abort();
  if (lpmc::harmless_file_name(text).find('/') != std::string::npos) std::abort();
  return 0;
}
