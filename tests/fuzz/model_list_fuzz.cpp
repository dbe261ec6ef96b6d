// The list of named models: any bytes give a list or an Error, and no path leads out of the folder.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lpmc/base/error.h"
#include "lpmc/hub/model_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const lpmc::HubModel& model :
         lpmc::parse_model_list({reinterpret_cast<const char*>(data), size}, "list")) {
      for (const lpmc::HubFile& file : model.files) {
        if (file.path.starts_with("/") || ("/" + file.path + "/").find("/../") != std::string::npos)
          std::abort();
      }
    }
  } catch (const lpmc::Error&) {
  }
  return 0;
}
