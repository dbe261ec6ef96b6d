#include "lpmc/hub/data_folder.h"

#include <cstdlib>
#include <system_error>

namespace lpmc {

namespace fs = std::filesystem;

fs::path user_data_folder() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return fs::path(data) / "lpmc";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".local/share/lpmc";
  return {};
}

std::optional<fs::path> find_data_file(std::string_view name) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {program / "../share/lpmc", fs::path(LPMC_CHECKOUT_DATA)}) {
    fs::path file = (folder / name).lexically_normal();
    if (fs::is_regular_file(file, error)) return file;
  }
  return std::nullopt;
}

}  // namespace lpmc
