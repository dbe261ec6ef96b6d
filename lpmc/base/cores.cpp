#include "lpmc/base/cores.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

namespace lpmc {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// "0::/user.slice/..." is the line of version 2.
std::optional<fs::path> own_group(const fs::path& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    constexpr std::string_view kVersion2 = "0::/";
    if (line.starts_with(kVersion2)) return fs::path(line.substr(kVersion2.size())).lexically_normal();
  }
  return std::nullopt;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0)) return std::nullopt;
  return value;
}

/// cpu.max: "quota period" in microseconds, or "max period".
std::optional<double> limit_of(const fs::path& group) {
  const std::string line = first_line(group / "cpu.max");
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto quota = number(std::string_view(line).substr(0, space));
  const auto period = number(std::string_view(line).substr(space + 1));
  if (!quota || !period) return std::nullopt;
  return *quota / *period;
}

}  // namespace

int count_cores(std::span<const int> processors, const CoreSources& sources) {
  std::set<std::string> cores;
  int unknown = 0;
  for (const int processor : processors) {
    const fs::path topology = sources.processors / ("cpu" + std::to_string(processor)) / "topology";
    std::string siblings = first_line(topology / "core_cpus_list");
    if (siblings.empty()) siblings = first_line(topology / "thread_siblings_list");  // before Linux 5.3
    if (siblings.empty()) {
      ++unknown;
    } else {
      cores.insert(siblings);
    }
  }
  return static_cast<int>(cores.size()) + unknown;
}

std::optional<double> cgroup_processors(const CoreSources& sources) {
  const auto group = own_group(sources.own_cgroup);
  if (!group) return std::nullopt;
  std::optional<double> strictest;
  fs::path folder = sources.cgroups;
  const auto look = [&] {
    const auto limit = limit_of(folder);
    if (limit && (!strictest || *limit < *strictest)) strictest = limit;
  };
  look();
  for (const fs::path& part : *group) {
    folder /= part;
    look();
  }
  return strictest;
}

int usable_cores(std::span<const int> processors, const CoreSources& sources) {
  int cores = count_cores(processors, sources);
  if (const auto limit = cgroup_processors(sources); limit && *limit < cores)
    cores = static_cast<int>(*limit);
  return std::max(1, cores);
}

}  // namespace lpmc
