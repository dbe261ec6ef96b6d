#include "lpmc/training/distributed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Variables = std::map<std::string, std::string>;

/// A port that nobody listens on at this moment.
int free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  close(socket_fd);
  return ntohs(address.sin_port);
}

/// The processes of one run of training_process.
class Processes {
 public:
  Processes(const std::string& mode, int processes, const Variables& more = {}) {
    folder_ = std::filesystem::path(testing::TempDir()) / ("lpmc_run_" + std::to_string(free_port()));
    std::filesystem::create_directories(folder_);
    const std::string port = std::to_string(free_port());
    for (int rank = 0; rank < processes; ++rank) {
      Variables variables{{"RANK", std::to_string(rank)},
                          {"WORLD_SIZE", std::to_string(processes)},
                          {"LOCAL_RANK", std::to_string(rank)},
                          {"MASTER_ADDR", "127.0.0.1"},
                          {"MASTER_PORT", port},
                          {"OMP_NUM_THREADS", "1"}};
      if (processes == 1) variables = {{"OMP_NUM_THREADS", "1"}};
      variables.insert(more.begin(), more.end());
      pids_.push_back(start(mode, variables, path(rank)));
    }
  }
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;
  ~Processes() {
    for (const pid_t pid : pids_) {
      if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
      }
    }
    std::filesystem::remove_all(folder_);
  }

  /// Exit status of a process; -1 when it does not end within a minute.
  int status(int rank) {
    pid_t& pid = pids_[static_cast<std::size_t>(rank)];
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < until) {
      int result = 0;
      if (waitpid(pid, &result, WNOHANG) == pid) {
        pid = 0;
        return WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return -1;
  }
  std::string output(int rank) const {
    std::ifstream file(path(rank), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path(int rank) const { return folder_ / std::to_string(rank); }

  static pid_t start(const std::string& mode, const Variables& variables, const std::filesystem::path& out) {
    std::vector<std::string> lines;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string line = *entry;
      const std::string name = line.substr(0, line.find('='));
      const bool launcher = name == "RANK" || name == "WORLD_SIZE" || name.starts_with("OMPI_") ||
                            name.starts_with("PMI_") || name.starts_with("SLURM_");
      if (!launcher && !variables.contains(name)) lines.push_back(line);
    }
    for (const auto& [name, value] : variables)
      lines.push_back(name + "=" + value);
    std::vector<char*> environment;
    for (std::string& line : lines)
      environment.push_back(line.data());
    environment.push_back(nullptr);
    std::string program = LPMC_TRAINING_PROCESS;
    std::string mode_argument = mode;
    std::string out_argument = out.string();
    char* const arguments[] = {program.data(), mode_argument.data(), out_argument.data(), nullptr};
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environment.data()), 0);
    return pid;
  }

  std::filesystem::path folder_;
  std::vector<pid_t> pids_;
};

std::string ends_well(Processes& run, int processes) {
  for (int rank = 0; rank < processes; ++rank) {
    EXPECT_EQ(run.status(rank), 0) << "process " << rank << ": " << run.output(rank);
  }
  for (int rank = 1; rank < processes; ++rank) {
    EXPECT_EQ(run.output(rank), run.output(0)) << "process " << rank << " has other bits";
  }
  return run.output(0);
}

std::vector<double> as_doubles(const std::string& bytes) {
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values)
    sum += value * value;
  return std::sqrt(sum);
}

/// The gradients of `processes` against those of one. Each gradient is a sum over the samples, taken in
/// another order: norm * eps * summands, twice as the terms themselves come from products of other sizes.
void expect_equal_gradients(const std::string& mode, int processes, double epsilon) {
  constexpr double kSummands = 12;
  Processes alone(mode, 1);
  Processes together(mode, processes);
  const auto expected = as_doubles(ends_well(alone, 1));
  const auto found = as_doubles(ends_well(together, processes));
  ASSERT_EQ(found.size(), expected.size());
  ASSERT_GT(norm(expected), 0.1);
  std::vector<double> difference(found.size());
  std::ranges::transform(found, expected, difference.begin(), std::minus<>());
  EXPECT_LE(norm(difference), norm(expected) * epsilon * kSummands * 2);
}

class SeveralProcesses : public testing::TestWithParam<int> {};

TEST_P(SeveralProcesses, HaveTheGradientsOfOneInFloat32) {
  expect_equal_gradients("float32", GetParam(), std::numeric_limits<float>::epsilon());
}

TEST_P(SeveralProcesses, HaveTheGradientsOfOneInFloat64) {
  expect_equal_gradients("float64", GetParam(), std::numeric_limits<double>::epsilon());
}

TEST_P(SeveralProcesses, SumAndBroadcast) {
  const int n = GetParam();
  Processes run("sums", n);
  std::istringstream text(ends_well(run, n));
  double sum = 0;
  double floats = 0;
  std::int64_t whole = 0;
  std::int64_t element = 0;
  text >> sum >> whole >> floats >> element;
  const std::int64_t ranks = n * (n - 1) / 2;
  EXPECT_NEAR(sum, 0.1 * static_cast<double>(ranks + n), 1e-5);  // printed with six digits
  // 2^40 is more than a float or a printed double would keep.
  EXPECT_EQ(whole, (std::int64_t{1} << 40) * n + ranks);
  EXPECT_EQ(floats, 7.5);
  EXPECT_EQ(element, 5);
}

INSTANTIATE_TEST_SUITE_P(Processes, SeveralProcesses, testing::Values(2, 3, 4));

TEST(Distributed, AProcessWithoutSamplesTakesPart) {
  expect_equal_gradients("empty", 4, std::numeric_limits<double>::epsilon());
}

TEST(Distributed, ParametersThatNobodyUsesKeepNoGradient) {
  Processes run("float64", 2);
  const auto values = as_doubles(ends_well(run, 2));
  // named_parameters: those of the module itself come first: unused [3], of_sample_0 [5].
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[4], 1) << "process 1 has no gradient of its own here, process 0 has";
}

TEST(Distributed, OneProcessNeedsNoLauncher) {
  ProcessGroup group;
  EXPECT_TRUE(group.is_main());
  EXPECT_EQ(group.world_size(), 1);
  EXPECT_EQ(group.all_reduce_sum(2.5), 2.5);
  EXPECT_EQ(group.all_reduce_sum(std::int64_t{3}), 3);
  EXPECT_EQ(group.backend(), "");
  const torch::Tensor weight = torch::ones({3}, torch::requires_grad());
  GradientReducer reducer(group, {weight});
  reducer.begin();
  weight.sum().backward();
  reducer.finish();
  EXPECT_EQ(weight.grad().sum().item<float>(), 3);
}

TEST(Distributed, ReducerWantsLeavesThatRequireAGradient) {
  ProcessGroup group;
  EXPECT_THROW(GradientReducer(group, {torch::ones({3})}), Error);
  EXPECT_THROW(GradientReducer(group, {torch::Tensor()}), Error);
  EXPECT_THROW(GradientReducer(group, {torch::ones({3}, torch::requires_grad())}, 0), Error);
}

/// All but the victim end with exit 3 and the error that they saw.
std::vector<std::string> errors_of_others(Processes& run, int processes, int victim) {
  std::vector<std::string> errors;
  for (int rank = 0; rank < processes; ++rank) {
    if (rank == victim) continue;
    EXPECT_EQ(run.status(rank), 3) << "process " << rank;
    errors.push_back(run.output(rank));
  }
  return errors;
}

TEST(LostPeer, AllOthersEndAndNameIt) {
  for (const int victim : {1, 2}) {
    Processes run("lost", 3, {{"LPMC_TEST_VICTIM", std::to_string(victim)}});
    for (const std::string& error : errors_of_others(run, 3, victim)) {
      EXPECT_THAT(error, AllOf(StartsWith("remote: process "), HasSubstr("the sum of the gradients"),
                               HasSubstr("no word from process " + std::to_string(victim))));
    }
  }
}

TEST(LostPeer, ProcessZeroToo) {
  Processes run("lost", 3, {{"LPMC_TEST_VICTIM", "0"}});
  for (const std::string& error : errors_of_others(run, 3, 0)) {
    EXPECT_THAT(error, AllOf(StartsWith("remote: "), HasSubstr("no word from process 0")));
  }
}

TEST(LostPeer, OneThatStandsStillIsGivenUpAfterTheTimeout) {
  for (const int victim : {0, 1}) {
    Processes run("stopped", 3, {{"LPMC_TEST_VICTIM", std::to_string(victim)}, {"LPMC_TEST_TIMEOUT_S", "4"}});
    for (const std::string& error : errors_of_others(run, 3, victim)) {
      EXPECT_THAT(error,
                  AllOf(StartsWith("remote: "), HasSubstr("no word from process " + std::to_string(victim))));
    }
  }
}

TEST(LostPeer, ItsReasonReachesTheOthers) {
  for (const int victim : {0, 1, 2}) {
    Processes run("announced", 3, {{"LPMC_TEST_VICTIM", std::to_string(victim)}});
    for (const std::string& error : errors_of_others(run, 3, victim)) {
      EXPECT_THAT(error, AllOf(StartsWith("remote: "), HasSubstr("process " + std::to_string(victim) +
                                                                 " ended: disk full at step 2")));
    }
    EXPECT_EQ(run.status(victim), 3);
    EXPECT_THAT(run.output(victim), StartsWith("io: disk full"));
  }
}

TEST(LostPeer, OneThatNeverComesIsNamedWithTheMeetingPlace) {
  const std::string port = std::to_string(free_port());
  for (const char* rank : {"0", "1"}) {
    Processes run("sums", 1,
                  {{"RANK", rank},
                   {"WORLD_SIZE", "2"},
                   {"MASTER_ADDR", "127.0.0.1"},
                   {"MASTER_PORT", port},
                   {"LPMC_TEST_TIMEOUT_S", "2"}});
    EXPECT_EQ(run.status(0), 3);
    EXPECT_THAT(run.output(0), AllOf(StartsWith(std::string("remote: process ") + rank + " of 2"),
                                     HasSubstr("127.0.0.1:" + port), HasSubstr("torchrun")));
  }
}

}  // namespace
}  // namespace lpmc
