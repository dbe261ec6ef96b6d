#pragma once

#include <filesystem>
#include <optional>
#include <span>

namespace lpmc {

/// Where Linux tells about processors and limits; tests name folders of their own.
struct CoreSources {
  std::filesystem::path processors = "/sys/devices/system/cpu";
  std::filesystem::path own_cgroup = "/proc/self/cgroup";
  std::filesystem::path cgroups = "/sys/fs/cgroup";
};

/// Cores behind these processors: the hardware threads of one core count once. A processor whose
/// topology cannot be read counts as a core.
int count_cores(std::span<const int> processors, const CoreSources& sources = {});

/// Processors' worth of time that the control groups (version 2, cpu.max) of this process allow, the
/// strictest of them and of those above; nothing where there is no limit or no such file.
std::optional<double> cgroup_processors(const CoreSources& sources = {});

/// The cores behind `processors`, and no more than the control groups pay for: a thread too many
/// would be stopped in the middle of its work, and the others wait for it. At least 1.
int usable_cores(std::span<const int> processors, const CoreSources& sources = {});

}  // namespace lpmc
