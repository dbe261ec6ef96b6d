// The API over real connections: what is answered, and what is refused.

#include "lpmc/server/serve_app.h"

#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/captioning/captioner.h"
#include "lpmc/captioning/formats.h"

#include "tests/unit/server/served_model.h"

namespace lpmc {
namespace {

using test::body_of_answer;
using test::form_field;
using test::form_file;
using test::kFormEnd;
using test::kFormType;
using test::RawClient;
using test::ServedModel;
using test::ServedModelOptions;
using test::status_of_answer;
using Json = nlohmann::json;

Json json_of(const std::string& answer) {
  return Json::parse(body_of_answer(answer), nullptr, false);
}

TEST(ServeApp, AnswersWithTheCaptionsOfTheCaptioner) {
  const ServedModel served;
  const std::string body = form_field("tokens", "true") + form_field("num-beams", "3") +
                           form_file("file", "dir/my song.wav", served.recording(21)) + kFormEnd;
  const std::string answer = served.post("/v1/captions", kFormType, body);
  ASSERT_EQ(status_of_answer(answer), 200) << answer;
  Captioner captioner((served.folder() / "m").string());
  GenerationOptions search = captioner.default_generation();
  search.num_beams = 3;
  CaptionOptions options;
  options.track = true;
  FileCaptions expected = captioner.caption(served.folder() / "recording.wav", options, search);
  expected.file = "my song.wav";
  expected.model = "m";
  FormatOptions format;
  format.tokens = format.track = true;
  EXPECT_EQ(body_of_answer(answer), caption_document(expected, CaptionFormat::json, format));
  EXPECT_TRUE(served.uploads_are_gone());
}

TEST(ServeApp, AnswersInTheFormatAskedFor) {
  const ServedModel served;
  const std::string sound = served.recording(11);
  for (const auto& [format, beginning] :
       {std::pair{"srt", "1\n"}, std::pair{"vtt", "WEBVTT"}, std::pair{"csv", "file,"},
        std::pair{"text", "[0:00-0:10]"}, std::pair{"lrc", "["}, std::pair{"json", "{"}}) {
    const std::string answer = served.post("/v1/captions", kFormType,
                                           form_field("tokens", "1") + form_field("response_format", format) +
                                               form_file("file", "a.wav", sound) + kFormEnd);
    EXPECT_EQ(status_of_answer(answer), 200) << format;
    EXPECT_TRUE(body_of_answer(answer).starts_with(beginning)) << format << ": " << answer;
  }
}

TEST(ServeApp, StreamsSegmentsAsEvents) {
  const ServedModel served;
  const std::string answer =
      served.post("/v1/captions", kFormType,
                  form_field("tokens", "true") + form_file("file", "a.wav", served.recording(31)) + kFormEnd,
                  "Accept: text/event-stream\r\n");
  ASSERT_EQ(status_of_answer(answer), 200) << answer;
  EXPECT_NE(answer.find("Content-Type: text/event-stream"), std::string::npos);
  std::size_t at = answer.find("event: start\ndata: {");
  for (const char* start : {"\"start_s\":0.0", "\"start_s\":10.0", "\"start_s\":20.0", "\"start_s\":30.0"}) {
    const std::size_t next = answer.find(start, at);
    ASSERT_NE(next, std::string::npos) << start;
    at = next;
  }
  const std::size_t done = answer.find("event: done\ndata: ", at);
  ASSERT_NE(done, std::string::npos);
  EXPECT_EQ(
      Json::parse(answer.substr(done + 18, answer.find('\n', done + 18) - done - 18))["segments"].size(), 4U);
}

TEST(ServeApp, RefusesBodiesThatAreWrong) {
  ServedModelOptions options;
  options.server.max_upload_mb = 1;
  const ServedModel served(options);
  const std::string sound = served.recording(11);
  const std::string tokens = form_field("tokens", "true");
  const auto post = [&](const std::string& body, const std::string& type = kFormType) {
    return status_of_answer(served.post("/v1/captions", type, body));
  };
  EXPECT_EQ(post(tokens + form_file("file", "a.mp3", "no sound") + kFormEnd), 415);
  EXPECT_EQ(post(tokens + form_file("file", "a.wav", "") + kFormEnd), 422);
  EXPECT_EQ(post(tokens + kFormEnd), 422);                           // no file
  EXPECT_EQ(post(tokens + form_file("file", "a.wav", sound)), 400);  // no end
  EXPECT_EQ(post(form_file("file", "a.wav", sound) + kFormEnd, "multipart/form-data; boundary=YY"), 400);
  EXPECT_EQ(post("x", "multipart/form-data"), 400);
  EXPECT_EQ(post("x", "text/plain"), 415);
  EXPECT_EQ(post("[1]", "application/json"), 400);
  EXPECT_EQ(post("{\"path\": \"a.wav\"}", "application/json"), 422);  // no media folder
  EXPECT_EQ(post(form_file("other", "a.wav", sound) + kFormEnd), 422);
  EXPECT_EQ(post(tokens + form_field("beams", "2") + form_file("file", "a.wav", sound) + kFormEnd), 422);
  EXPECT_EQ(post(tokens + form_field("num_beams", "many") + form_file("file", "a", sound) + kFormEnd), 422);
  EXPECT_EQ(post(tokens + form_field("num_beams", "0") + form_file("file", "a", sound) + kFormEnd), 422);
  EXPECT_EQ(post(tokens + form_field("hop", "nan") + form_file("file", "a", sound) + kFormEnd), 422);
  EXPECT_EQ(post(tokens + tokens + form_file("file", "a", sound) + kFormEnd), 422);
  EXPECT_EQ(post(tokens + form_field("model", "other") + form_file("file", "a", sound) + kFormEnd), 404);
  EXPECT_EQ(post(tokens + form_file("file", "a", std::string(1'200'000, 'x')) + kFormEnd), 413);
  std::string hundred = tokens;
  for (int i = 0; i < 100; ++i)
    hundred += form_file("file", "a.wav", "x");
  EXPECT_EQ(post(hundred + kFormEnd), 422);
  EXPECT_EQ(post(tokens + form_file("file", "a.wav", sound) + kFormEnd), 200);  // and it lives
  EXPECT_TRUE(served.uploads_are_gone());
}

TEST(ServeApp, NamesNoPathOfItsMachine) {
  const ServedModel served;
  const std::string answer =
      served.post("/v1/captions", kFormType,
                  form_field("tokens", "true") + form_file("file", "../../etc/a.mp3", "no sound") + kFormEnd);
  EXPECT_NE(answer.find("a.mp3: "), std::string::npos) << answer;
  EXPECT_EQ(answer.find("/proc"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("../"), std::string::npos) << answer;
}

TEST(ServeApp, OpensFilesUnderTheMediaFolderOnly) {
  namespace fs = std::filesystem;
  const test::TemporaryFolder media;
  fs::create_directory(media / "in");
  test::write_wav(media / "in/a.wav", test::chord_int16(11));
  test::write_wav(media / "outside.wav", test::chord_int16(11));
  fs::create_symlink(media / "outside.wav", media / "in/link.wav");
  fs::create_directory_symlink(media.path(), media / "in/up");
  ServedModelOptions options;
  options.server.media_root = (media / "in").string();
  const ServedModel served(options);
  const auto post = [&](const std::string& name) {
    const Json body = {{"path", name}, {"tokens", true}};
    return status_of_answer(served.post("/v1/captions", "application/json", body.dump()));
  };
  EXPECT_EQ(post("a.wav"), 200);
  EXPECT_EQ(post("./a.wav"), 200);
  for (const std::string name :
       {"../outside.wav", "link.wav", "up/outside.wav", "..", ".", "", "no.wav", "a.wav/x"})
    EXPECT_EQ(post(name), 404) << name;
  EXPECT_EQ(post((media / "in/a.wav").string()), 404);
  EXPECT_EQ(post(std::string("a.wav\0.mp3", 10)), 404);
}

TEST(ServeApp, KeepsJobs) {
  ServedModelOptions options;
  options.server.max_jobs = 2;
  const ServedModel served(options);
  const std::string body =
      form_field("tokens", "true") + form_file("file", "a.wav", served.recording(11)) + kFormEnd;
  const Json made = json_of(served.post("/v1/jobs", kFormType, body));
  ASSERT_EQ(made["status"], "queued");
  const std::string url = made["url"];
  Json job;
  for (int look = 0; look < 1000 && job["status"] != "done"; ++look) {
    job = json_of(served.get(url));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(job["result"]["segments"].size(), 2U) << job;
  EXPECT_EQ(job["progress"]["audio_s_done"], 11.0);
  EXPECT_TRUE(body_of_answer(served.get(url + "?response_format=srt")).starts_with("1\n"));
  EXPECT_EQ(status_of_answer(served.get(url + "?response_format=doc")), 422);
  EXPECT_EQ(status_of_answer(served.post("/v1/jobs", kFormType, body)), 202);
  EXPECT_EQ(status_of_answer(served.post("/v1/jobs", kFormType, body)), 429);
  EXPECT_EQ(status_of_answer(served.get(url, "", "DELETE")), 204);
  EXPECT_EQ(status_of_answer(served.get(url)), 404);
  EXPECT_EQ(status_of_answer(served.get("/v1/jobs/none")), 404);
}

TEST(ServeApp, AsksForAKey) {
  ServedModelOptions options;
  options.keys.add("correct-horse");
  options.keys.add("battery-staple");
  const ServedModel served(options);
  EXPECT_EQ(status_of_answer(served.get("/v1/models")), 401);
  EXPECT_EQ(status_of_answer(served.get("/v1/models", "Authorization: Bearer wrong\r\n")), 401);
  EXPECT_EQ(status_of_answer(served.get("/v1/models", "Authorization: Basic correct-horse\r\n")), 401);
  EXPECT_EQ(status_of_answer(served.get("/v1/models", "Authorization: Bearer battery-staple\r\n")), 200);
  EXPECT_EQ(status_of_answer(served.get("/health")), 200);
}

TEST(ServeApp, ToldHostsAndOriginsOnly) {
  ServedModelOptions options;
  options.server.allow_origin = "https://page.example";
  const ServedModel served(options);
  const auto with_host = [&](const std::string& host) {
    return status_of_answer(
        served.ask("GET /health HTTP/1.1\r\nConnection: close\r\nHost: " + host + "\r\n\r\n"));
  };
  EXPECT_EQ(with_host("127.0.0.1:8080"), 200);
  EXPECT_EQ(with_host("[::1]:8080"), 200);
  EXPECT_EQ(with_host("LOCALHOST"), 200);
  EXPECT_EQ(with_host("evil.example"), 421);  // a name that was made to point here
  EXPECT_EQ(with_host("127.0.0.1.evil.example"), 421);
  const auto from = [&](const std::string& origin) {
    return served.post("/v1/tag-captions", "application/json", "{}", "Origin: " + origin + "\r\n");
  };
  EXPECT_EQ(status_of_answer(from("https://evil.example")), 403);
  EXPECT_EQ(status_of_answer(from("null")), 403);
  EXPECT_NE(status_of_answer(from("http://localhost")), 403);
  const std::string allowed = from("https://page.example");
  EXPECT_NE(allowed.find("Access-Control-Allow-Origin: https://page.example\r\n"), std::string::npos);
  EXPECT_EQ(served.get("/health", "Origin: https://evil.example\r\n").find("Access-Control"),
            std::string::npos);
}

TEST(ServeApp, TellsOfItself) {
  ServedModel served;
  const std::string page = served.get("/");
  EXPECT_EQ(status_of_answer(page), 200);
  EXPECT_NE(page.find("Content-Security-Policy: default-src 'none'"), std::string::npos);
  EXPECT_EQ(json_of(served.get("/v1/models"))["models"][0]["generation"]["num_beams"], 2);
  const Json description = json_of(served.get("/openapi.json"));
  EXPECT_EQ(description["openapi"], "3.1.0");
  const Json& form = description["components"]["schemas"]["CaptionForm"]["properties"];
  EXPECT_EQ(form["num_beams"]["default"], 2);
  EXPECT_FALSE(form.contains("batch_size"));
  EXPECT_NE(served.get("/metrics").find("lpmc_http_requests_total{route=\"/v1/models\",status=\"200\"} 1"),
            std::string::npos);
  EXPECT_EQ(status_of_answer(served.get("/nothing")), 404);
  EXPECT_EQ(status_of_answer(served.get("/v1/captions")), 405);
  EXPECT_EQ(status_of_answer(served.get("/../../etc/passwd")), 404);
  EXPECT_EQ(body_of_answer(served.get("/health", "", "HEAD")), "");
  EXPECT_EQ(status_of_answer(served.get("/ready")), 200);
  served.app().drain();
  EXPECT_EQ(status_of_answer(served.get("/ready")), 503);
  EXPECT_EQ(status_of_answer(served.post("/v1/captions", kFormType, kFormEnd)), 503);
}

}  // namespace
}  // namespace lpmc
