#include "lpmc/hub/pull_model.h"

#include <atomic>
#include <fstream>
#include <mutex>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lpmc/base/error.h"
#include "lpmc/hub/file_digest.h"

#include "tests/support/fixtures.h"
#include "tests/support/loopback_server.h"

namespace lpmc {
namespace {

using test::LoopbackReply;
using test::LoopbackRequest;
using test::LoopbackServer;
using test::read_file;
using test::TemporaryFolder;
using testing::HasSubstr;

std::string long_text() {
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += fmt::format("{} ", i);
  return text;
}

/// A server that holds one file, gives parts of it, and breaks off when it is told to.
class FileServer {
 public:
  explicit FileServer(std::string content)
      : content_(std::move(content)), server_([this](const auto& request) { return answer(request); }) {}

  std::string origin() const { return server_.origin(); }
  void break_off(int times) { breaks_ = times; }
  void give_no_parts() { parts_ = false; }
  /// "Range" of every request, "" where there was none.
  std::vector<std::string> ranges() const {
    const std::lock_guard lock(mutex_);
    return ranges_;
  }

 private:
  LoopbackReply answer(const LoopbackRequest& request) {
    const std::string range = request.header("range");
    {
      const std::lock_guard lock(mutex_);
      ranges_.push_back(range);
    }
    LoopbackReply reply;
    reply.content_type = "application/octet-stream";
    if (request.target != "/model/weights.bin") {
      reply.status = 404;
      return reply;
    }
    std::size_t begin = 0, end = content_.size();
    if (parts_ && range.starts_with("bytes=")) {
      begin = std::stoul(range.substr(6));
      const std::string last = range.substr(range.find('-') + 1);
      if (!last.empty()) end = std::stoul(last) + 1;
      reply.status = 206;
    }
    reply.body = content_.substr(begin, end - begin);
    if (end - begin > 1 && breaks_ > 0) {
      --breaks_;
      reply.cut_after = reply.body.size() / 2;
    }
    return reply;
  }

  std::string content_;
  std::atomic<int> breaks_{0};
  std::atomic<bool> parts_{true};
  mutable std::mutex mutex_;
  std::vector<std::string> ranges_;
  LoopbackServer server_;  // last: its thread uses the others
};

/// A pull of one file from a server or folder.
struct Fixture {
  explicit Fixture(const std::string& content = long_text()) : text(content), server(content) {
    std::ofstream(source / "weights.bin") << text;
    model.name = "m";
    model.source = server.origin() + "/model";
    model.files = {{"weights.bin", text.size(), sha256_of_file(source / "weights.bin")}};
    options.folder = target.path() / "new/folder";
    options.backoff = {.base_s = 0.001, .cap_s = 0.01};
  }

  std::filesystem::path file() const { return options.folder / "weights.bin"; }
  std::filesystem::path part() const { return options.folder / "weights.bin.part"; }
  ErrorKind failure() {
    try {
      pull_model(http, model, options);
    } catch (const Error& error) {
      message = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "the pull succeeded";
    return ErrorKind::invalid_argument;
  }

  std::string text, message;
  TemporaryFolder source, target;
  FileServer server;
  HttpClient http;
  HubModel model;
  PullOptions options;
};

TEST(PullModel, FetchesAFile) {
  Fixture fixture;
  std::uint64_t last = 0, total = 0;
  fixture.options.on_progress = [&](std::uint64_t done, std::uint64_t all) {
    EXPECT_GE(done, last);
    last = done;
    total = all;
  };
  const auto files = pull_model(fixture.http, fixture.model, fixture.options);
  ASSERT_EQ(files, std::vector{fixture.file()});
  EXPECT_EQ(read_file(fixture.file()), fixture.text);
  EXPECT_FALSE(std::filesystem::exists(fixture.part()));
  EXPECT_EQ(last, fixture.text.size());
  EXPECT_EQ(total, fixture.text.size());

  // What is there and right is not fetched again.
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(fixture.server.ranges().size(), 1U);
}

TEST(PullModel, GoesOnWhereTheConnectionBroke) {
  Fixture fixture;
  fixture.server.break_off(3);
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.file()), fixture.text);
  const auto ranges = fixture.server.ranges();
  ASSERT_EQ(ranges.size(), 4U);
  EXPECT_EQ(ranges[0], "");
  EXPECT_EQ(ranges[1], fmt::format("bytes={}-", fixture.text.size() / 2));
}

TEST(PullModel, GoesOnWhereAnEarlierPullWasCutOff) {
  Fixture fixture;
  std::filesystem::create_directories(fixture.options.folder);
  std::ofstream(fixture.part()) << fixture.text.substr(0, 1000);
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.file()), fixture.text);
  EXPECT_THAT(fixture.server.ranges(), testing::ElementsAre("bytes=1000-1000", "bytes=1000-"));
}

TEST(PullModel, BeginsAnewWhereTheServerGivesNoParts) {
  Fixture fixture;
  fixture.server.give_no_parts();
  std::filesystem::create_directories(fixture.options.folder);
  std::ofstream(fixture.part()) << fixture.text.substr(0, 1000);
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.file()), fixture.text);
}

TEST(PullModel, BeginsAnewWhenTheConnectionBreaksAndTheServerGivesNoParts) {
  Fixture fixture;
  fixture.server.give_no_parts();
  fixture.server.break_off(1);
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.file()), fixture.text);
}

TEST(PullModel, RemovesWhatIsNotRight) {
  Fixture fixture;
  fixture.model.files[0].sha256 = std::string(64, '0');
  EXPECT_EQ(fixture.failure(), ErrorKind::corrupt);
  EXPECT_THAT(fixture.message, HasSubstr("expected SHA-256 0000"));
  EXPECT_FALSE(std::filesystem::exists(fixture.part()));
  EXPECT_FALSE(std::filesystem::exists(fixture.file()));
}

TEST(PullModel, RefusesAFileOfAnotherSize) {
  Fixture longer;
  longer.model.files[0].size += 1;
  EXPECT_EQ(longer.failure(), ErrorKind::corrupt);
  Fixture shorter;
  shorter.model.files[0].size -= 1;
  EXPECT_EQ(shorter.failure(), ErrorKind::corrupt);
}

TEST(PullModel, SaysWhatTheServerSaid) {
  Fixture fixture;
  fixture.model.source = fixture.server.origin() + "/other";
  EXPECT_EQ(fixture.failure(), ErrorKind::remote);
  EXPECT_THAT(fixture.message, HasSubstr("status 404"));
  EXPECT_EQ(fixture.server.ranges().size(), 1U) << "404 is not asked again";
}

TEST(PullModel, GivesUpAServerThatSendsNothing) {
  Fixture fixture("x");  // half of it is nothing
  fixture.model.files[0].size = 10;
  fixture.options.max_attempts = 3;
  fixture.server.break_off(0);
  EXPECT_EQ(fixture.failure(), ErrorKind::corrupt);
  fixture.model.source = "http://127.0.0.1:1/model";
  EXPECT_EQ(fixture.failure(), ErrorKind::remote);
}

TEST(PullModel, TakesFilesFromAFolder) {
  Fixture fixture;
  fixture.options.from = fixture.source.path().string();
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.file()), fixture.text);
  EXPECT_TRUE(fixture.server.ranges().empty());

  std::ofstream(fixture.source / "weights.bin", std::ios::app) << "more";
  std::filesystem::remove(fixture.file());
  EXPECT_EQ(fixture.failure(), ErrorKind::corrupt);
  fixture.options.from = (fixture.source / "nowhere").string();
  EXPECT_EQ(fixture.failure(), ErrorKind::not_found);
}

TEST(PullModel, StopsWhenAskedAndKeepsWhatItHas) {
  Fixture fixture;
  std::stop_source stop;
  fixture.options.stop = stop.get_token();
  stop.request_stop();
  EXPECT_EQ(fixture.failure(), ErrorKind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(fixture.file()));
}

// Files of which the list knows neither size nor SHA-256: as the Hugging Face hub tells them.

/// Answers like the hub: a large file lies elsewhere, behind a redirect whose headers describe it; a small
/// one is named by git's SHA-1 of it; "/old/..." was renamed to "/model/...".
class Hub {
 public:
  Hub() : server_([this](const auto& request) { return answer(request); }) {}

  std::string origin() const { return server_.origin(); }
  std::string linked_etag, etag;  // to be set before the first request
  std::string large = "weights", small = "hello\n";
  std::atomic<int> gets{0}, failures{0};

 private:
  LoopbackReply answer(const LoopbackRequest& request) {
    const bool head = request.method == "HEAD";
    LoopbackReply reply;
    if (failures > 0) {
      --failures;
      reply.status = 503;
      return reply;
    }
    if (request.target.starts_with("/old/")) {
      reply.status = 307;
      reply.headers = {{"Location", "/model/" + request.target.substr(5)}};
    } else if (request.target == "/model/large.bin") {
      reply.status = 302;
      reply.headers = {{"Location", server_.origin() + "/store/large"},
                       {"X-Linked-Size", std::to_string(large.size())},
                       {"X-Linked-ETag", linked_etag}};
    } else if (request.target == "/store/large" || request.target == "/model/small.txt") {
      if (!head) ++gets;
      reply.body = request.target == "/store/large" ? large : small;
      reply.headers = {{"ETag", request.target == "/store/large" ? "\"of-the-store\"" : etag}};
      if (head) reply.cut_after = 0;
    } else {
      reply.status = 404;
    }
    return reply;
  }

  LoopbackServer server_;  // last: its thread uses the others
};

struct HubFixture {
  HubFixture() {
    std::ofstream(source / "large.bin") << hub.large;
    std::ofstream(source / "small.txt") << hub.small;
    hub.linked_etag = fmt::format("\"{}\"", sha256_of_file(source / "large.bin"));
    hub.etag = "W/\"ce013625030ba8dba906f756967f9e9ca394464a\"";  // git hash-object of "hello\n"
    model.name = "m";
    model.source = hub.origin() + "/model";
    model.files = {{"large.bin", 0, ""}, {"small.txt", 0, ""}};
    options.folder = target.path();
    options.backoff = {.base_s = 0.001, .cap_s = 0.01};
  }

  std::string failure() {
    try {
      pull_model(http, model, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }

  TemporaryFolder source, target;
  Hub hub;
  HttpClient http;
  HubModel model;
  PullOptions options;
};

TEST(PullUnlistedFiles, TakesSizeAndDigestFromTheHub) {
  HubFixture fixture;
  std::uint64_t total = 0;
  fixture.options.on_progress = [&](std::uint64_t, std::uint64_t all) { total = all; };
  EXPECT_FALSE(fixture.model.size());
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.target / "large.bin"), fixture.hub.large);
  EXPECT_EQ(read_file(fixture.target / "small.txt"), fixture.hub.small);
  EXPECT_EQ(total, fixture.hub.large.size() + fixture.hub.small.size());
  EXPECT_EQ(fixture.hub.gets, 2);
  EXPECT_EQ(fixture.failure(), "none");
  EXPECT_EQ(fixture.hub.gets, 2) << "what is there and right is not fetched again";
}

TEST(PullUnlistedFiles, FollowsARenamedRepository) {
  HubFixture fixture;
  fixture.model.source = fixture.hub.origin() + "/old";
  fixture.hub.failures = 2;
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.target / "large.bin"), fixture.hub.large);
}

TEST(PullUnlistedFiles, RefusesWhatTheHubDidNotPromise) {
  HubFixture large;
  large.hub.linked_etag = std::string(64, '0');
  EXPECT_THAT(large.failure(), HasSubstr("large.bin: expected SHA-256 0000"));
  EXPECT_FALSE(std::filesystem::exists(large.target / "large.bin"));
  HubFixture small;
  small.hub.etag = '"' + std::string(40, 'a') + '"';
  EXPECT_THAT(small.failure(), HasSubstr("small.txt: expected git's SHA-1 aaaa"));
  HubFixture missing;
  missing.model.files = {{"nothing", 0, ""}};
  EXPECT_THAT(missing.failure(), HasSubstr("nothing: status 404"));
}

TEST(PullUnlistedFiles, OfAnyServerTheSizeIsChecked) {
  HubFixture fixture;
  fixture.hub.etag = "\"5f3759df-1a2b\"";
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.target / "small.txt"), fixture.hub.small);
}

TEST(PullUnlistedFiles, AFoldersFilesAreTakenAsTheyAre) {
  HubFixture fixture;
  fixture.options.from = fixture.source.path().string();
  pull_model(fixture.http, fixture.model, fixture.options);
  EXPECT_EQ(read_file(fixture.target / "large.bin"), fixture.hub.large);
  EXPECT_EQ(fixture.hub.gets, 0);
  std::filesystem::remove(fixture.source / "small.txt");
  EXPECT_THAT(fixture.failure(), HasSubstr("small.txt"));
}

}  // namespace
}  // namespace lpmc
