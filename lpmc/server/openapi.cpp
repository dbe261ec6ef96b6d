#include "lpmc/server/openapi.h"

#include <type_traits>

#include <nlohmann/json.hpp>

#include "lpmc/base/fields.h"
#include "lpmc/server/caption_fields.h"
#include "lpmc/server/exchange.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json type_of(const T& /*value*/) {
  if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}, {"format", sizeof(T) == 8 ? "int64" : "int32"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else {
    return {{"type", "string"}};
  }
}

/// The members of a request, from the lists that read it.
Json request_fields(const CaptionService& service) {
  Json fields = Json::object();
  const auto add = [&](std::string_view name, auto& value, std::string_view help) {
    if (!is_request_field(name)) return;
    Json schema = type_of(value);
    schema["description"] = help;
    schema["default"] = value;
    fields[json_key(name)] = schema;
  };
  CaptionOptions caption;
  visit(caption, add);
  GenerationOptions generation = service.default_generation();
  visit(generation, add);
  fields["tail"]["enum"] = {"pad", "drop"};
  fields["compat"]["enum"] = {"none", "original"};
  fields["track"].erase("default");
  fields["track"]["description"] = "add one caption for the whole track; default: for json";
  fields["model"] = {{"type", "string"}, {"enum", {service.model_name()}}};
  fields["response_format"] = {{"type", "string"},
                               {"enum", response_formats()},
                               {"default", "json"},
                               {"description", "of the answer"}};
  fields["tokens"] = {{"type", "boolean"}, {"default", false}, {"description", "add token ids"}};
  return fields;
}

Json reference(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

Json content(const std::string& type, const Json& schema) {
  return {{type, {{"schema", schema}}}};
}

Json object(const Json& properties, const std::vector<std::string>& required) {
  return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

const Json kText = {{"type", "string"}};
const Json kNumber = {{"type", "number"}};
const Json kBoolean = {{"type", "boolean"}};

Json nullable(const char* type) {
  return {{"type", Json::array({type, "null"})}};
}

Json array_of(const Json& items) {
  return {{"type", "array"}, {"items", items}};
}

Json caption_schemas() {
  const Json tokens = array_of({{"type", "integer"}});
  const Json candidate =
      object({{"text", kText}, {"score", nullable("number")}, {"tokens", tokens}}, {"text", "score"});
  const Json segment = object({{"start_s", kNumber},
                               {"end_s", kNumber},
                               {"time", kText},
                               {"text", kText},
                               {"score", nullable("number")},
                               {"silent", kBoolean},
                               {"tokens", tokens},
                               {"candidates", array_of(candidate)}},
                              {"start_s", "end_s", "time", "text", "score", "silent"});
  const Json captions = object({{"file", kText},
                                {"duration_s", kNumber},
                                {"model", kText},
                                {"segments", array_of(reference("Segment"))},
                                {"track_caption", kText},
                                {"warnings", array_of(kText)}},
                               {"file", "duration_s", "model", "segments", "warnings"});
  return {{"Segment", segment}, {"Captions", captions}};
}

Json job_schemas() {
  const Json progress =
      object({{"audio_s_done", kNumber}, {"audio_s_known", kNumber}}, {"audio_s_done", "audio_s_known"});
  const Json status = {{"type", "string"}, {"enum", {"queued", "running", "done", "failed", "cancelled"}}};
  const Json error = object({{"kind", kText}, {"message", kText}}, {"kind", "message"});
  return {{"Error", object({{"error", error}}, {"error"})},
          {"NewJob", object({{"id", kText}, {"status", status}, {"url", kText}}, {"id", "status", "url"})},
          {"Job", object({{"id", kText},
                          {"status", status},
                          {"progress", progress},
                          {"result", reference("Captions")},
                          {"error", error}},
                         {"id", "status", "progress"})}};
}

Json other_schemas() {
  const Json model = object({{"id", kText},
                             {"dtype", kText},
                             {"segment_duration_s", kNumber},
                             {"has_vocabulary", kBoolean},
                             {"generation", {{"type", "object"}}}},
                            {"id", "dtype", "segment_duration_s", "has_vocabulary", "generation"});
  Json language_model = object({{"name", kText}, {"kind", kText}}, {"name", "kind"});
  language_model["type"] = {"object", "null"};
  const Json limits =
      object({{"max_upload_mb", kNumber}, {"max_duration_s", kNumber}}, {"max_upload_mb", "max_duration_s"});
  const Json result = object({{"prompt", kText},
                              {"query", kText},
                              {"caption", kText},
                              {"attributes", array_of(kText)},
                              {"valid", kBoolean},
                              {"notes", array_of(kText)}},
                             {"prompt", "query", "caption", "valid", "notes"});
  const Json tags = {{"description", "\"a, b, c\" or a list"},
                     {"oneOf",
                      {{{"type", "string"}, {"minLength", 1}},
                       {{"type", "array"}, {"items", kText}, {"minItems", 1}, {"maxItems", 256}}}}};
  const Json prompt = {{"type", "string"},
                       {"enum", {"writing", "summary", "paraphrase", "attribute_prediction", "all"}},
                       {"default", "writing"}};
  const Json seed = {{"type", {"integer", "null"}}, {"format", "int64"}};
  Json question = object({{"tags", tags}, {"prompt", prompt}, {"seed", seed}}, {"tags"});
  question["additionalProperties"] = false;
  return {{"Models", object({{"default", kText},
                             {"models", array_of(model)},
                             {"language_model", language_model},
                             {"limits", limits}},
                            {"default", "models", "language_model", "limits"})},
          {"TagCaptionRequest", question},
          {"TagCaptions", object({{"model", kText}, {"results", array_of(result)}}, {"model", "results"})},
          {"Status", object({{"status", kText}}, {"status"})}};
}

Json schemas(const CaptionService& service) {
  Json form = object(request_fields(service), {"file"});
  form["properties"]["file"] = {{"type", "string"},
                                {"contentMediaType", "application/octet-stream"},
                                {"description", "audio or video, whatever FFmpeg reads"}};
  form["additionalProperties"] = false;
  Json body = object(request_fields(service), {"path"});
  body["properties"]["path"] = {{"type", "string"},
                                {"description", "a file under the server's --media-root"}};
  body["additionalProperties"] = false;
  Json all = {{"CaptionForm", form}, {"CaptionBody", body}};
  all.update(caption_schemas());
  all.update(job_schemas());
  all.update(other_schemas());
  return all;
}

/// Answers that are an Error, by status.
void add_errors(Json& responses, const std::vector<int>& statuses) {
  for (const int status : statuses) {
    Json& response = responses[std::to_string(status)];
    response["description"] = reason_phrase(status);
    response["content"] = content("application/json", reference("Error"));
    if (status == 429 || status == 503)
      response["headers"]["Retry-After"] = {{"schema", {{"type", "integer"}}}, {"description", "seconds"}};
  }
}

Json response(const char* description, const Json& response_content) {
  return {{"description", description}, {"content", response_content}};
}

Json caption_contents() {
  Json contents = content("application/json", reference("Captions"));
  for (const std::string& name : response_formats()) {
    if (name == "json") continue;
    contents.update(content(std::string(content_type_of(parse_response_format(name))), kText));
  }
  return contents;
}

Json caption_request_body(bool has_media) {
  Json contents = content("multipart/form-data", reference("CaptionForm"));
  if (has_media) contents.update(content("application/json", reference("CaptionBody")));
  return {{"required", true}, {"content", contents}};
}

Json operation(const char* id, const char* summary, Json responses, const std::vector<int>& errors) {
  add_errors(responses, errors);
  return {{"operationId", id}, {"summary", summary}, {"responses", responses}};
}

Json caption_paths(bool has_media) {
  const std::vector<int> refusals = {400, 401, 403, 404, 413, 415, 421, 422, 429, 500, 503};
  Json contents = caption_contents();
  contents.update(content("text/event-stream", {{"type", "string"},
                                                {"description",
                                                 "with Accept: text/event-stream: events start, segment, "
                                                 "progress, then done (Captions) or error (Error)"}}));
  Json captions = operation("createCaptions", "Captions of a file",
                            {{"200", response("Captions, in response_format", contents)}}, refusals);
  captions["requestBody"] = caption_request_body(has_media);
  Json job =
      operation("createJob", "Captions of a long file, to be fetched later",
                {{"202", response("Taken", content("application/json", reference("NewJob")))}}, refusals);
  job["requestBody"] = caption_request_body(has_media);
  Json shown = caption_contents();
  shown["application/json"]["schema"] = {{"oneOf", {reference("Job"), reference("Captions")}}};
  Json show = operation("getJob", "A job, or the captions of a done one in a format",
                        {{"200", response("The job", shown)}}, {401, 404, 409, 421, 422});
  show["parameters"] = Json::array({{{"name", "response_format"},
                                     {"in", "query"},
                                     {"schema", {{"type", "string"}, {"enum", response_formats()}}}}});
  const Json remove = operation("deleteJob", "Cancels and forgets a job",
                                {{"204", {{"description", "Gone"}}}}, {401, 403, 404, 421});
  Json one_job = {
      {"parameters", Json::array({{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", kText}}})},
      {"get", show},
      {"delete", remove}};
  return {{"/v1/captions", {{"post", captions}}}, {"/v1/jobs", {{"post", job}}}, {"/v1/jobs/{id}", one_job}};
}

Json other_paths() {
  const auto get = [](const char* id, const char* summary, const char* schema,
                      const std::vector<int>& errors) {
    return Json{
        {"get",
         operation(id, summary,
                   {{"200", response("So it is", content("application/json", reference(schema)))}}, errors)}};
  };
  Json tags = operation(
      "createTagCaptions", "Captions of tags, by the server's language model",
      {{"200", response("A caption a task", content("application/json", reference("TagCaptions")))}},
      {400, 401, 403, 413, 415, 421, 422, 429, 502, 503});
  tags["requestBody"] = {{"required", true},
                         {"content", content("application/json", reference("TagCaptionRequest"))}};
  Json health = get("getHealth", "The process lives", "Status", {421});
  Json ready = get("getReady", "Requests are taken", "Status", {421, 503});
  Json metrics = operation("getMetrics", "Prometheus' text format",
                           {{"200", response("Counters", content("text/plain", kText))}}, {421});
  Json self =
      operation("getDescription", "This document",
                {{"200", response("OpenAPI 3.1", content("application/json", {{"type", "object"}}))}}, {421});
  for (Json* open : {&health["get"], &ready["get"], &metrics, &self})
    (*open)["security"] = Json::array();
  return {{"/v1/tag-captions", {{"post", tags}}},
          {"/v1/models", get("listModels", "What captions are made with", "Models", {401, 421})},
          {"/health", health},
          {"/ready", ready},
          {"/metrics", {{"get", metrics}}},
          {"/openapi.json", {{"get", self}}}};
}

}  // namespace

std::string openapi_document(const CaptionService& service, const ServerOptions& options, bool needs_key,
                             const std::string& version) {
  Json paths = caption_paths(!options.media_root.empty());
  paths.update(other_paths());
  Json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "lpmc"},
        {"version", version},
        {"description", "Music to captions. Uploads of at most " + std::to_string(options.max_upload_mb) +
                            " MiB. Fields of requests are the flags of `lpmc caption`, with _ for -."}}},
      {"paths", paths},
      {"components", {{"schemas", schemas(service)}}}};
  if (needs_key) {
    document["components"]["securitySchemes"]["key"] = {{"type", "http"}, {"scheme", "bearer"}};
    document["security"] = Json::array({{{"key", Json::array()}}});
  }
  return document.dump(1) + "\n";
}

}  // namespace lpmc
