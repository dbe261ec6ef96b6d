#include "lpmc/server/tag_captions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"
#include "lpmc/base/log.h"
#include "lpmc/server/http_error.h"
#include "lpmc/server/jobs.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostInFlight = 64;
constexpr std::size_t kMostTags = 256;

std::vector<std::string> tags_of(const nlohmann::json& value) {
  if (value.is_string()) {
    std::vector<std::string> tags = tags_of_line(value.get<std::string>());
    LPMC_REQUIRE(tags.size() <= kMostTags, invalid_argument, "tags: expected at most {}, found {}", kMostTags,
                 tags.size());
    return tags;
  }
  LPMC_REQUIRE(value.is_array() && value.size() <= kMostTags, invalid_argument,
               "tags: expected a text or a list of at most {} texts", kMostTags);
  std::vector<std::string> tags;
  for (const auto& tag : value) {
    LPMC_REQUIRE(tag.is_string(), invalid_argument, "tags: expected texts, found something else");
    tags.push_back(tag.get<std::string>());
  }
  return cleaned_tags(std::move(tags));
}

Json result_json(const TagCaption& caption) {
  Json json = {{"prompt", caption.prompt},
               {"query", caption.query},
               {"caption", caption.caption},
               {"valid", caption.valid},
               {"notes", caption.notes}};
  if (caption.prompt == "attribute_prediction") json["attributes"] = caption.new_attributes;
  if (!caption.error.empty()) json["notes"].push_back(caption.error);
  return json;
}

Reply reply_of(const std::string& model, const std::vector<TagCaption>& captions) {
  Json results = Json::array();
  std::string error;
  for (const TagCaption& caption : captions) {
    results.push_back(result_json(caption));
    if (!caption.error.empty()) error = caption.error;
  }
  const bool all_failed =
      std::all_of(captions.begin(), captions.end(), [](const auto& c) { return !c.error.empty(); });
  if (all_failed) return error_reply(Failure{ErrorKind::remote, "language model: " + error});
  Reply reply;
  reply.content_type = "application/json";
  reply.body =
      Json{{"model", model}, {"results", results}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  reply.body += '\n';
  return reply;
}

}  // namespace

void TagCaptionApi::answer(const nlohmann::json& body, std::shared_ptr<Responder> responder) {
  LPMC_REQUIRE(body.is_object(), invalid_argument, "body: expected a JSON object");
  std::vector<std::string> tags;
  std::vector<Prompt> prompts = find_prompts("writing");
  std::optional<std::int64_t> seed;
  for (const auto& [key, value] : body.items()) {
    if (key == "tags") {
      tags = tags_of(value);
    } else if (key == "prompt") {
      LPMC_REQUIRE(value.is_string(), invalid_argument, "prompt: expected a string");
      prompts = find_prompts(value.get<std::string>());
    } else if (key == "seed") {
      if (value.is_null()) continue;
      const bool fits = value.is_number_integer() &&
                        (!value.is_number_unsigned() ||
                         value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max());
      LPMC_REQUIRE(fits, invalid_argument, "seed: expected a whole number of 64 bits");
      seed = value.get<std::int64_t>();
    } else {
      fail(ErrorKind::invalid_argument, "{}: there is no such field; expected tags, prompt, seed",
           replace_invalid_utf8(key.substr(0, 80)));
    }
  }
  LPMC_REQUIRE(!tags.empty(), invalid_argument, "tags: expected at least one, found none");
  if (++*in_flight_ > kMostInFlight) {
    --*in_flight_;
    throw queue_full();
  }
  const auto done = [in_flight = in_flight_, responder, model = name_](std::vector<TagCaption>&& captions) {
    --*in_flight;
    responder->send(reply_of(model, captions));
  };
  ask_tags(asker_, std::move(tags), std::move(prompts), seed, done);
}

}  // namespace lpmc
