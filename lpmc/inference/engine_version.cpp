#include "lpmc/inference/engine_version.h"

#include "lpmc/ops/library_version.h"

namespace lpmc {

std::string engine_library_version() {
  return ops_library_version();
}

}  // namespace lpmc
