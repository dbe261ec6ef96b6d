#include "lpmc/base/cores.h"

#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

class Cores : public ::testing::Test {
 protected:
  Cores() {
    sources_.processors = folder_ / "cpu";
    sources_.own_cgroup = folder_ / "own";
    sources_.cgroups = folder_ / "cgroup";
    write("own", "3:cpu,cpuacct:/old\n0::/a/b\n");
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  test::TemporaryFolder folder_;
  CoreSources sources_;
  const std::vector<int> four_ = {0, 1, 2, 3};
};

TEST_F(Cores, HardwareThreadsOfACoreCountOnce) {
  write("cpu/cpu0/topology/core_cpus_list", "0,2\n");
  write("cpu/cpu2/topology/core_cpus_list", "0,2\n");
  write("cpu/cpu1/topology/thread_siblings_list", "1,3\n");
  write("cpu/cpu3/topology/thread_siblings_list", "1,3\n");
  EXPECT_EQ(count_cores(four_, sources_), 2);
  EXPECT_EQ(count_cores(std::vector<int>{0, 1}, sources_), 2);
  EXPECT_EQ(count_cores(std::vector<int>{2}, sources_), 1);
}

TEST_F(Cores, WithoutTopologyEveryProcessorCounts) {
  EXPECT_EQ(count_cores(four_, sources_), 4);
  EXPECT_EQ(usable_cores(four_, sources_), 4);
}

TEST_F(Cores, NoQuotaIsNoLimit) {
  EXPECT_FALSE(cgroup_processors(sources_));
  write("cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_FALSE(cgroup_processors(sources_));
  write("own", "3:cpu,cpuacct:/old\n");  // version 1 only
  EXPECT_FALSE(cgroup_processors(sources_));
}

TEST_F(Cores, TheStrictestQuotaOfTheGroupsAboveCounts) {
  write("cgroup/a/b/cpu.max", "350000 100000\n");
  EXPECT_EQ(cgroup_processors(sources_), 3.5);
  EXPECT_EQ(usable_cores(four_, sources_), 3);
  write("cgroup/a/cpu.max", "100000 50000\n");
  EXPECT_EQ(usable_cores(four_, sources_), 2);
  write("cgroup/cpu.max", "20000 100000\n");  // as a container sees its own group
  EXPECT_EQ(cgroup_processors(sources_), 0.2);
  EXPECT_EQ(usable_cores(four_, sources_), 1);
}

TEST_F(Cores, AQuotaOverTheCoresChangesNothing) {
  write("cgroup/cpu.max", "800000 100000\n");
  EXPECT_EQ(usable_cores(four_, sources_), 4);
}

TEST_F(Cores, NonsenseIsNoLimit) {
  for (const char* text : {"", "\n", "x y\n", "-5 100000\n", "100000\n", "100000 0\n", "1e400 1\n"}) {
    write("cgroup/cpu.max", text);
    EXPECT_FALSE(cgroup_processors(sources_)) << text;
  }
}

TEST_F(Cores, ThisMachineHasAtLeastOne) {
  EXPECT_GE(usable_cores(std::vector<int>{0}), 1);
  EXPECT_EQ(usable_cores({}), 1);
}

}  // namespace
}  // namespace lpmc
