#include "lpmc/tag_to_caption/process_identity.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace lpmc {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "boot id/PID namespace/", the part that must be equal for a PID to mean the same process.
std::string machine_part() {
  std::error_code error;
  const std::filesystem::path pids = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return first_line("/proc/sys/kernel/random/boot_id") + "/" + pids.string() + "/";
}

/// Field 22 of /proc/PID/stat, clock ticks since boot; "" when there is no such process. The name in field 2
/// may hold spaces and brackets: counting begins behind the last one.
std::string start_time(const std::string& pid) {
  std::string stat = first_line("/proc/" + pid + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  std::size_t at = name_end + 1;
  for (int field = 2; field < 21 && at != std::string::npos; ++field)
    at = stat.find(' ', at + 1);
  if (at == std::string::npos) return "";
  const std::size_t end = stat.find(' ', at + 1);
  return stat.substr(at + 1, end - at - 1);
}

}  // namespace

std::string own_process_identity() {
  const std::string pid = std::to_string(::getpid());
  return machine_part() + pid + "/" + start_time(pid);
}

bool process_is_gone(const std::string& identity) {
  const std::string machine = machine_part();
  if (identity.compare(0, machine.size(), machine) != 0) return false;
  const std::string process = identity.substr(machine.size());
  const std::size_t slash = process.find('/');
  if (slash == std::string::npos) return false;
  return start_time(process.substr(0, slash)) != process.substr(slash + 1);
}

}  // namespace lpmc
