#include "lpmc/inference/engine_version.h"

#include "lpmc/ops/library_version.h"

namespace lpmc {

std::string engine_library_version() {
  return ops_library_version();
}
std::string engine_instruction_set() {
  return instruction_set();
}

}  // namespace lpmc
