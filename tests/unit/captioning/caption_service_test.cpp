// Many requests at one model: the captions of Captioner, in order, fairly, each answered once.

#include "lpmc/captioning/caption_service.h"

#include <atomic>
#include <future>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/captioning/captioner.h"
#include "lpmc/model/model_dir.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/wav.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::ThrowsLpmc;

class CaptionServiceTest : public ::testing::Test {
 protected:
  CaptionServiceTest() {
    Model model;
    model.config = preset_config("tiny");
    model.weights = random_weights(model.config, 1);
    model.generation_config = {{"num_beams", 2}, {"max_length", 12}};
    write_model_folder(folder_ / "m", model, DType::f32, false);
    for (int i = 0; i < 3; ++i)
      files_.push_back(write(std::string(1, static_cast<char>('a' + i)) + ".wav", 11.0 + 20.0 * i, 3 * i));
  }

  fs::path write(const std::string& name, double seconds, int key = 0) {
    const fs::path file = folder_ / name;
    test::write_wav(file, test::chord_int16(seconds, key));
    return file;
  }

  CaptionServiceOptions options(int max_requests = 64) const {
    CaptionServiceOptions options;
    options.model = (folder_ / "m").string();
    options.shown_model = "m";
    options.max_requests = max_requests;
    return options;
  }

  static CaptionRequest request_for(const CaptionService& service, const fs::path& file) {
    CaptionRequest request;
    request.file = file;
    request.shown_name = "shown.wav";
    request.generation = service.default_generation();
    return request;
  }

  /// Submits and gives what on_done will bring.
  static std::future<FileCaptions> submit(CaptionService& service, CaptionRequest request) {
    const auto promise = std::make_shared<std::promise<FileCaptions>>();
    request.on_done = [promise](FileCaptions&& captions) { promise->set_value(std::move(captions)); };
    EXPECT_TRUE(service.submit(std::move(request)));
    return promise->get_future();
  }

  static std::vector<std::vector<std::int32_t>> tokens_of(const FileCaptions& captions) {
    std::vector<std::vector<std::int32_t>> tokens;
    for (const Segment& segment : captions.segments) {
      for (const Candidate& candidate : segment.candidates)
        tokens.push_back(candidate.tokens);
    }
    return tokens;
  }

  test::TemporaryFolder folder_;
  std::vector<fs::path> files_;
};

TEST_F(CaptionServiceTest, CaptionsAsTheCaptionerWithEachRequestsOwnOptions) {
  Captioner captioner((folder_ / "m").string());
  CaptionService service(options());
  std::vector<GenerationOptions> searches(4, service.default_generation());
  searches[1].num_beams = 1;
  searches[2].n_best = 2;
  searches[2].max_length = 9;
  searches[3].sample = true;
  searches[3].seed = 7;
  std::vector<std::future<FileCaptions>> results;
  for (const GenerationOptions& search : searches) {
    for (const fs::path& file : files_) {
      CaptionRequest request = request_for(service, file);
      request.generation = search;
      results.push_back(submit(service, std::move(request)));
    }
  }
  std::size_t next = 0;
  for (const GenerationOptions& search : searches) {
    for (const fs::path& file : files_) {
      const FileCaptions found = results[next++].get();
      const FileCaptions expected = captioner.caption(file, {}, search);
      ASSERT_FALSE(found.failure) << found.failure->message;
      EXPECT_EQ(tokens_of(found), tokens_of(expected));
      EXPECT_EQ(found.duration_s, expected.duration_s);
      EXPECT_EQ(found.file, "shown.wav");
      EXPECT_EQ(found.model, "m");
    }
  }
}

TEST_F(CaptionServiceTest, HandsSegmentsOutInTheOrderOfTimeWithProgress) {
  CaptionService service(options());
  CaptionRequest request = request_for(service, files_[2]);
  std::vector<double> starts;
  RequestProgress last;
  double announced_s = 0;
  request.on_start = [&](double expected_s) { announced_s = expected_s; };
  request.on_segment = [&](const Segment& segment) { starts.push_back(segment.start_s); };
  request.on_progress = [&](const RequestProgress& progress) { last = progress; };
  const FileCaptions captions = submit(service, std::move(request)).get();
  ASSERT_FALSE(captions.failure);
  EXPECT_EQ(starts, (std::vector<double>{0, 10, 20, 30, 40, 50}));
  EXPECT_EQ(announced_s, 51);
  EXPECT_EQ(last.audio_s_done, 51);
  EXPECT_EQ(last.audio_s_known, 51);
}

TEST_F(CaptionServiceTest, AShortFileDoesNotWaitForALongOne) {
  CaptionService service(options());
  const fs::path long_file = write("long.wav", 1200);
  auto long_result = submit(service, request_for(service, long_file));
  while (service.load().segments_done == 0)
    std::this_thread::yield();
  const FileCaptions short_result = submit(service, request_for(service, files_[0])).get();
  EXPECT_FALSE(short_result.failure);
  EXPECT_EQ(long_result.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_EQ(long_result.get().segments.size(), 120U);
}

TEST_F(CaptionServiceTest, RefusesWhatIsTooMuch) {
  CaptionService service(options(2));
  const fs::path long_file = write("long.wav", 900);
  std::stop_source stop;
  std::vector<std::future<FileCaptions>> results;
  for (int i = 0; i < 2; ++i) {
    CaptionRequest request = request_for(service, long_file);
    request.stop = stop.get_token();
    results.push_back(submit(service, std::move(request)));
  }
  bool called = false;
  CaptionRequest third = request_for(service, files_[0]);
  third.on_done = [&](FileCaptions&&) { called = true; };
  EXPECT_FALSE(service.submit(std::move(third)));
  EXPECT_EQ(service.load().requests, 2U);
  stop.request_stop();
  for (auto& result : results) {
    const FileCaptions captions = result.get();
    ASSERT_TRUE(captions.failure);
    EXPECT_EQ(captions.failure->kind, ErrorKind::cancelled);
    EXPECT_TRUE(captions.segments.empty());
  }
  EXPECT_EQ(service.load().requests, 0U);
  EXPECT_FALSE(submit(service, request_for(service, files_[0])).get().failure);
  EXPECT_FALSE(called);
}

TEST_F(CaptionServiceTest, TellsFailuresWithoutThePathOfTheFile) {
  CaptionService service(options());
  test::write_bytes(folder_ / "noise.mp3", "this is no sound at all, only some text");
  const FileCaptions noise = submit(service, request_for(service, folder_ / "noise.mp3")).get();
  ASSERT_TRUE(noise.failure);
  EXPECT_EQ(noise.failure->message.find(folder_.path().string()), std::string::npos)
      << noise.failure->message;
  EXPECT_NE(noise.failure->message.find("shown.wav"), std::string::npos) << noise.failure->message;
  CaptionRequest limited = request_for(service, files_[2]);
  limited.max_duration_s = 20;
  const FileCaptions too_long = submit(service, std::move(limited)).get();
  ASSERT_TRUE(too_long.failure);
  EXPECT_EQ(too_long.failure->kind, ErrorKind::invalid_argument);
  EXPECT_TRUE(too_long.segments.empty());
}

TEST_F(CaptionServiceTest, RefusesOptionsThatMakeNoSense) {
  CaptionService service(options());
  CaptionRequest request = request_for(service, files_[0]);
  request.generation.num_beams = 0;
  EXPECT_THAT([&] { service.submit(request); }, ThrowsLpmc(ErrorKind::invalid_argument, "num_beams"));
  request.generation = service.default_generation();
  request.generation.sample = true;
  request.generation.n_best = 64;
  EXPECT_THAT([&] { service.submit(request); }, ThrowsLpmc(ErrorKind::invalid_argument, "rows"));
  EXPECT_EQ(service.load().requests, 0U);
}

TEST_F(CaptionServiceTest, AnswersEveryRequestOnceAlsoWhenManyGoAway) {
  constexpr int kRequests = 60;
  std::vector<std::atomic<int>> answers(kRequests);
  std::vector<std::stop_source> stops(kRequests);
  {
    CaptionService service(options(kRequests));
    for (int i = 0; i < kRequests; ++i) {
      CaptionRequest request = request_for(service, files_[static_cast<std::size_t>(i) % 3]);
      request.stop = stops[static_cast<std::size_t>(i)].get_token();
      request.on_done = [&answers, i](FileCaptions&&) { ++answers[static_cast<std::size_t>(i)]; };
      ASSERT_TRUE(service.submit(std::move(request)));
      if (i % 3 == 0) stops[static_cast<std::size_t>(i) / 2].request_stop();
    }
  }  // and the service ends with most of them open
  for (const auto& count : answers)
    EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace lpmc
