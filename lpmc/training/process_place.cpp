#include "lpmc/training/process_place.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "lpmc/base/error.h"

namespace lpmc {

namespace {

constexpr int kDefaultPort = 29500;
constexpr int kMostProcesses = 1 << 20;

struct Launcher {
  const char* name;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;  ///< nullptr: the launcher does not say
  bool rank_alone_counts;  ///< the rank without the size is a mistake, not somebody else's variable
};

// In the order of precedence: torchrun may run inside an MPI or Slurm job, and MPI inside a Slurm job.
constexpr std::array<Launcher, 4> kLaunchers = {{
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", true},
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE", true},
    {"MPI (PMI)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", true},
    // A batch script's shell has SLURM_PROCID too, and it is not one of SLURM_NTASKS processes.
    {"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", nullptr, false},
}};

class Reader {
 public:
  Reader(const Environment& environment, const Launcher& launcher)
      : environment_(environment), launcher_(launcher) {}

  bool applies() const {
    if (is("PMI_RANK") && slurm_speaks_pmi()) return false;
    return environment_(launcher_.size) || (launcher_.rank_alone_counts && environment_(launcher_.rank));
  }

  /// The number that `name` holds, in [least, most].
  int number(const char* name, int least, int most) const {
    const auto text = environment_(name);
    LPMC_REQUIRE(text, invalid_argument,
                 "{}: expected a number, as {} sets it together with {}, found nothing", name, launcher_.name,
                 other_than(name));
    int value = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, value);
    LPMC_REQUIRE(error == std::errc() && stop == end && value >= least && value <= most, invalid_argument,
                 "{}: expected a whole number from {} to {}, found '{}'", name, least, most, *text);
    return value;
  }

  std::optional<int> number_if_set(const char* name, int least, int most) const {
    if (name == nullptr || !environment_(name)) return std::nullopt;
    return number(name, least, most);
  }

  ProcessPlace read() const {
    ProcessPlace place;
    place.launcher = launcher_.name;
    place.world_size = number(launcher_.size, 1, kMostProcesses);
    place.rank = number(launcher_.rank, 0, place.world_size - 1);
    if (place.world_size == 1) return {};
    const auto local_size = number_if_set(launcher_.local_size, 1, place.world_size);
    const bool slurm = is("SLURM_PROCID");
    const bool one_machine = slurm ? number_if_set("SLURM_STEP_NUM_NODES", 1, kMostProcesses) == 1
                                   : local_size == place.world_size;
    place.master_address = address(one_machine, slurm);
    place.master_port = port(slurm);
    place.local_rank = local_rank(place, one_machine, local_size.value_or(place.world_size));
    return place;
  }

 private:
  const char* other_than(const char* name) const { return is(name) ? launcher_.size : launcher_.rank; }

  bool is(std::string_view rank) const { return rank == launcher_.rank; }
  bool torchrun() const { return is("RANK"); }

  /// srun may set PMI's variables too; Slurm's own say more. mpiexec, which may run under srun, sets its
  /// local rank.
  bool slurm_speaks_pmi() const {
    const auto step_size = environment_("SLURM_STEP_NUM_TASKS");
    return step_size && step_size == environment_("PMI_SIZE") && !environment_("MPI_LOCALRANKID");
  }

  std::string address(bool one_machine, bool slurm) const {
    if (const auto set = environment_("MASTER_ADDR")) return *set;
    if (!torchrun()) {
      if (one_machine) return "127.0.0.1";
      if (slurm) {
        for (const char* name : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"}) {
          if (const auto list = environment_(name)) return first_host(*list);
        }
        if (const auto launch_node = environment_("SLURM_LAUNCH_NODE_IPADDR")) return *launch_node;
      }
    }
    fail(ErrorKind::invalid_argument,
         "MASTER_ADDR: expected the address of the machine of process 0 (started by {}), found nothing",
         launcher_.name);
  }

  int port(bool slurm) const {
    if (torchrun()) return number("MASTER_PORT", 1, 65535);
    if (const auto set = number_if_set("MASTER_PORT", 1, 65535)) return *set;
    if (slurm) {
      // Jobs that share a machine meet at different ports.
      constexpr int kFirst = 20000;
      constexpr int kRange = 10000;
      const auto job = number_if_set("SLURM_JOB_ID", 0, 2147483647);
      if (job) return kFirst + *job % kRange;
    }
    return kDefaultPort;
  }

  int local_rank(const ProcessPlace& place, bool one_machine, int local_size) const {
    if (const auto set = number_if_set(launcher_.local_rank, 0, local_size - 1)) return *set;
    const std::string& master = place.master_address;
    if (one_machine || master == "127.0.0.1" || master == "localhost" || master == "::1") return place.rank;
    return number(launcher_.local_rank, 0, local_size - 1);  // which says what is missing
  }

  const Environment& environment_;
  const Launcher& launcher_;
};

}  // namespace

ProcessPlace place_from(const Environment& environment) {
  for (const Launcher& launcher : kLaunchers) {
    const Reader reader(environment, launcher);
    if (reader.applies()) return reader.read();
  }
  return {};
}

ProcessPlace place_from_environment() {
  return place_from([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  });
}

std::string first_host(std::string_view slurm_node_list) {
  std::string host;
  for (std::size_t i = 0; i < slurm_node_list.size() && slurm_node_list[i] != ','; ++i) {
    if (slurm_node_list[i] != '[') {
      host += slurm_node_list[i];
      continue;
    }
    const std::size_t close = slurm_node_list.find(']', i);
    LPMC_REQUIRE(close != std::string_view::npos, invalid_argument,
                 "Slurm's list of nodes: expected ']' after '[', found '{}'", slurm_node_list);
    const std::string_view numbers = slurm_node_list.substr(i + 1, close - i - 1);
    host += numbers.substr(0, numbers.find_first_of(",-"));
    i = close;
  }
  return host;
}

}  // namespace lpmc
