#include "lpmc/captioning/result_file.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;
using test::ThrowsLpmc;

TEST(ResultFile, TakesFinishedFilesOver) {
  const TemporaryFolder folder;
  const std::string done = "{\"file\":\"a.mp3\",\"segments\":[]}\n";
  const std::string raw = "{\"file\":\"caf\xEF\xBF\xBD.mp3\",\"file_raw\":\"caf%E9.mp3\",\"segments\":[]}\n";
  const std::string failed = "{\"file\":\"b.mp3\",\"error\":{\"kind\":\"io\",\"message\":\"x\"}}\n";
  write_file_atomically(folder / "all.jsonl", done + raw + failed);
  ResultFile file(folder / "all.jsonl", true);
  EXPECT_TRUE(file.has("a.mp3"));
  EXPECT_TRUE(file.has("caf\xE9.mp3"));
  EXPECT_FALSE(file.has("b.mp3"));  // tried again
  file.write("{\"file\":\"b.mp3\"}\n");
  file.commit();
  EXPECT_EQ(test::read_file(folder / "all.jsonl"), done + raw + "{\"file\":\"b.mp3\"}\n");
}

TEST(ResultFile, StartsAfreshUnlessAsked) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "all.jsonl", "{\"file\":\"a.mp3\"}\n");
  ResultFile file(folder / "all.jsonl", false);
  EXPECT_FALSE(file.has("a.mp3"));
  file.write("new");
  file.commit();
  EXPECT_EQ(test::read_file(folder / "all.jsonl"), "new");
}

TEST(ResultFile, DoesNotTakeOverWhatIsNoResultAndLeavesIt) {
  const TemporaryFolder folder;
  const std::string notes = "{\"file\":\"a.mp3\"}\nmy notes\n";
  write_file_atomically(folder / "notes.txt", notes);
  EXPECT_THAT([&] { ResultFile file(folder / "notes.txt", true); },
              ThrowsLpmc(ErrorKind::corrupt, "notes.txt: line 2: expected a JSON object"));
  EXPECT_EQ(test::read_file(folder / "notes.txt"), notes);
}

}  // namespace
}  // namespace lpmc
