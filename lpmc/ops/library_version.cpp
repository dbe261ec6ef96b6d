#include "lpmc/ops/library_version.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

namespace lpmc {

std::string ops_library_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace lpmc
