#include "lpmc/training/checkpoint.h"

#include <csignal>
#include <fstream>
#include <vector>

#include <sys/resource.h>

#include "lpmc/training/training_log.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class States : public ::testing::Test {
 protected:
  void save(StateFolder& states, std::int64_t step, float value) {
    Tensor tensor({64});
    std::ranges::fill(tensor.mutable_values<float>(), value);
    const std::vector<NamedTensor> tensors = {{"model.x", tensor}};
    states.save(step, tensors, {{"step", step}});
  }
  static float value_of(const SavedState& state) {
    return read_tensor(*state.tensors.find("model.x")).values<float>()[63];
  }
  fs::path folder() const { return folder_ / "state"; }
  fs::path tensors_of(int step) const { return folder() / fmt::format("{:012}.safetensors", step); }

  TemporaryFolder folder_;
};

TEST_F(States, TheNewestIsFoundAndOldOnesGo) {
  StateFolder states(folder(), 2);
  EXPECT_FALSE(states.newest());
  for (int step = 1; step <= 4; ++step)
    save(states, step * 10, static_cast<float>(step));
  EXPECT_EQ(states.newest()->facts["step"], 40);
  EXPECT_EQ(value_of(*states.newest()), 4);
  EXPECT_TRUE(fs::exists(tensors_of(30)));
  EXPECT_FALSE(fs::exists(tensors_of(20)));
  states.clear();
  EXPECT_FALSE(states.newest());
}

TEST_F(States, ADamagedOneIsPassedOver) {
  StateFolder states(folder(), 2);
  save(states, 1, 1);
  save(states, 2, 2);
  std::fstream file(tensors_of(2), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-5, std::ios::end);
  file.put('\x7f');
  file.close();
  EXPECT_EQ(states.newest()->facts["step"], 1);
  fs::resize_file(tensors_of(1), 20);
  EXPECT_FALSE(states.newest());
}

TEST_F(States, OneThatWasBeingWrittenIsPassedOver) {
  StateFolder states(folder(), 2);
  save(states, 1, 1);
  save(states, 2, 2);
  fs::remove(folder() / "000000000002.json");  // killed between the two
  EXPECT_EQ(states.newest()->facts["step"], 1);
  std::ofstream(folder() / "000000000003.json") << "{\"version\": 1";
  EXPECT_EQ(states.newest()->facts["step"], 1);
}

TEST_F(States, AFullDiskLeavesTheOneBefore) {
  StateFolder states(folder(), 1);
  save(states, 1, 1);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  rlimit full = limit;
  full.rlim_cur = 100;
  setrlimit(RLIMIT_FSIZE, &full);
  EXPECT_THAT([&] { save(states, 2, 2); }, ThrowsLpmc(ErrorKind::io, "000000000002"));
  setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_EQ(value_of(*states.newest()), 1);
  EXPECT_FALSE(fs::exists(tensors_of(2)));
}

TEST_F(States, LogLinesBeyondTheCheckpointGo) {
  const fs::path path = folder_ / "log.jsonl";
  {
    TrainingLog log(path, 0);
    for (int step = 1; step <= 5; ++step)
      log.add({{"kind", "train"}, {"step", step}});
  }
  std::ofstream(path, std::ios::app) << "{\"kind\": \"tra";
  TrainingLog log(path, 3);
  log.add({{"kind", "train"}, {"step", 4}, {"again", true}});
  EXPECT_EQ(log.entries().size(), 4U);
  EXPECT_EQ(
      read_file(path),
      "{\"kind\":\"train\",\"step\":1}\n{\"kind\":\"train\",\"step\":2}\n{\"kind\":\"train\",\"step\":3}\n"
      "{\"again\":true,\"kind\":\"train\",\"step\":4}\n");
}

}  // namespace
}  // namespace lpmc::test
