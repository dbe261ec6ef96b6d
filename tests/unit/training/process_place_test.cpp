#include "lpmc/training/process_place.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Variables = std::map<std::string, std::string>;

ProcessPlace place_of(const Variables& variables) {
  return place_from([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string message_of(const Variables& variables) {
  try {
    place_of(variables);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::invalid_argument);
    return e.what();
  }
  return "no error";
}

Variables torchrun() {
  return {{"RANK", "5"},
          {"WORLD_SIZE", "8"},
          {"LOCAL_RANK", "1"},
          {"LOCAL_WORLD_SIZE", "4"},
          {"MASTER_ADDR", "node7"},
          {"MASTER_PORT", "29512"}};
}

Variables open_mpi() {
  return {{"OMPI_COMM_WORLD_RANK", "2"},
          {"OMPI_COMM_WORLD_SIZE", "4"},
          {"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}};
}

Variables slurm() {
  return {{"SLURM_PROCID", "3"},
          {"SLURM_STEP_NUM_TASKS", "4"},
          {"SLURM_NTASKS", "4"},
          {"SLURM_LOCALID", "1"},
          {"SLURM_STEP_NUM_NODES", "2"},
          {"SLURM_STEP_NODELIST", "gpu[03-04]"},
          {"SLURM_JOB_NODELIST", "gpu[01-04]"},
          {"SLURM_JOB_ID", "1234567"}};
}

Variables without(Variables variables, const std::string& name) {
  variables.erase(name);
  return variables;
}

Variables with(Variables variables, const std::string& name, const std::string& value) {
  variables[name] = value;
  return variables;
}

TEST(ProcessPlace, OneProcessWithoutALauncher) {
  const ProcessPlace place = place_of({{"MASTER_ADDR", "node7"}});
  EXPECT_EQ(place.rank, 0);
  EXPECT_EQ(place.world_size, 1);
  EXPECT_EQ(place.launcher, "");
}

TEST(ProcessPlace, Torchrun) {
  const ProcessPlace place = place_of(torchrun());
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.world_size, 8);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.master_address, "node7");
  EXPECT_EQ(place.master_port, 29512);
  EXPECT_EQ(place.launcher, "torchrun");
}

TEST(ProcessPlace, OneProcessOfALauncherNeedsNoMeetingPlace) {
  EXPECT_EQ(place_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).world_size, 1);
}

TEST(ProcessPlace, TorchrunInParts) {
  for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}) {
    EXPECT_THAT(message_of(without(torchrun(), name)), StartsWith(std::string(name) + ": expected")) << name;
  }
  EXPECT_THAT(message_of(without(torchrun(), "WORLD_SIZE")), HasSubstr("together with RANK"));
}

TEST(ProcessPlace, NumbersThatMakeNoSense) {
  EXPECT_THAT(message_of(with(torchrun(), "RANK", "8")), AllOf(StartsWith("RANK:"), HasSubstr("0 to 7")));
  EXPECT_THAT(message_of(with(torchrun(), "RANK", "-1")), StartsWith("RANK:"));
  EXPECT_THAT(message_of(with(torchrun(), "RANK", "1x")), HasSubstr("found '1x'"));
  EXPECT_THAT(message_of(with(torchrun(), "WORLD_SIZE", "0")), StartsWith("WORLD_SIZE:"));
  EXPECT_THAT(message_of(with(torchrun(), "WORLD_SIZE", "99999999999")), StartsWith("WORLD_SIZE:"));
  EXPECT_THAT(message_of(with(torchrun(), "LOCAL_RANK", "4")), StartsWith("LOCAL_RANK:"));
  EXPECT_THAT(message_of(with(torchrun(), "LOCAL_WORLD_SIZE", "9")), StartsWith("LOCAL_WORLD_SIZE:"));
  EXPECT_THAT(message_of(with(torchrun(), "MASTER_PORT", "70000")), StartsWith("MASTER_PORT:"));
}

TEST(ProcessPlace, OpenMpiOnOneMachineNeedsNoAddress) {
  const ProcessPlace place = place_of(open_mpi());
  EXPECT_EQ(place.rank, 2);
  EXPECT_EQ(place.local_rank, 2);
  EXPECT_EQ(place.master_address, "127.0.0.1");
  EXPECT_EQ(place.master_port, 29500);
  EXPECT_EQ(place_of(with(open_mpi(), "MASTER_PORT", "4000")).master_port, 4000);
}

TEST(ProcessPlace, OpenMpiOnSeveralMachinesNeedsAnAddress) {
  Variables variables = with(open_mpi(), "OMPI_COMM_WORLD_LOCAL_SIZE", "3");
  EXPECT_THAT(message_of(variables), AllOf(StartsWith("MASTER_ADDR:"), HasSubstr("Open MPI")));
  variables["MASTER_ADDR"] = "10.0.0.1";
  EXPECT_EQ(place_of(variables).master_address, "10.0.0.1");
  EXPECT_THAT(message_of(without(open_mpi(), "OMPI_COMM_WORLD_SIZE")), StartsWith("OMPI_COMM_WORLD_SIZE:"));
}

TEST(ProcessPlace, Mpich) {
  const ProcessPlace place =
      place_of({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}});
  EXPECT_EQ(place.rank, 1);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.master_address, "127.0.0.1");
}

TEST(ProcessPlace, Slurm) {
  const ProcessPlace place = place_of(slurm());
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.world_size, 4);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.master_address, "gpu03");
  EXPECT_EQ(place.master_port, 24567);
  EXPECT_EQ(place.launcher, "Slurm");
  EXPECT_EQ(place_of(with(slurm(), "SLURM_STEP_NUM_NODES", "1")).master_address, "127.0.0.1");
  EXPECT_EQ(place_of(with(slurm(), "MASTER_ADDR", "10.0.0.9")).master_address, "10.0.0.9");
  EXPECT_THAT(message_of(without(slurm(), "SLURM_PROCID")), StartsWith("SLURM_PROCID:"));
}

TEST(ProcessPlace, ABatchScriptsOwnShellIsOneProcess) {
  EXPECT_EQ(place_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).world_size, 1);
}

TEST(ProcessPlace, TheInnermostLauncherCounts) {
  Variables variables = slurm();
  variables.merge(open_mpi());
  EXPECT_EQ(place_of(variables).launcher, "Open MPI");
  variables.merge(torchrun());
  EXPECT_EQ(place_of(variables).launcher, "torchrun");
}

TEST(ProcessPlace, SrunMaySpeakPmi) {
  Variables variables = slurm();
  variables.merge(Variables{{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}});
  EXPECT_EQ(place_of(variables).launcher, "Slurm");
  // mpiexec starts one of its own a machine by srun, and several of ours there.
  variables["PMI_SIZE"] = "8";
  variables["MPI_LOCALRANKID"] = "3";
  variables["MASTER_ADDR"] = "gpu03";
  EXPECT_EQ(place_of(variables).launcher, "MPI (PMI)");
}

TEST(FirstHost, OfSlurmLists) {
  EXPECT_EQ(first_host("node1"), "node1");
  EXPECT_EQ(first_host("node1,node2"), "node1");
  EXPECT_EQ(first_host("node[003-005,008],other"), "node003");
  EXPECT_EQ(first_host("node[7]"), "node7");
  EXPECT_EQ(first_host("a[1-2]-ib[3-4]"), "a1-ib3");
  EXPECT_EQ(first_host(""), "");
  EXPECT_THROW(first_host("node[003"), Error);
}

}  // namespace
}  // namespace lpmc
