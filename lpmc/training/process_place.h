#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lpmc {

/// Which of the processes of a training run this one is, and where they meet.
struct ProcessPlace {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;          ///< among the processes of this machine: the number of its GPU
  std::string master_address;  ///< where process 0 listens; empty with one process
  int master_port = 0;
  std::string launcher;  ///< "torchrun", "Open MPI", "MPI (PMI)", "Slurm"; empty with one process
};

/// The value of an environment variable, if it is set and not empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Reads the place from the first of these that is there: torchrun (RANK, WORLD_SIZE, LOCAL_RANK,
/// MASTER_ADDR, MASTER_PORT), Open MPI (OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE), MPICH and
/// Intel MPI (PMI_RANK, PMI_SIZE, MPI_LOCALRANKID, MPI_LOCALNRANKS), Slurm's srun (SLURM_STEP_NUM_TASKS,
/// SLURM_PROCID, SLURM_LOCALID). MPI and Slurm need no MASTER_ADDR when all processes are on one machine,
/// Slurm never does (the first host of the step); MASTER_PORT defaults to 29500, under Slurm to a number
/// made of the job's. A batch script's own shell (no srun) is one process.
/// @throws Error(invalid_argument) naming the variable that is missing or makes no sense
ProcessPlace place_from(const Environment& environment);

/// place_from the process's own environment.
ProcessPlace place_from_environment();

/// "node[003-005,8],other" -> "node003"; "a[1-2]-ib[3-4]" -> "a1-ib3"; empty for an empty list.
std::string first_host(std::string_view slurm_node_list);

}  // namespace lpmc
