// Lines of a batch's result file and price tables: texts that come from outside.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/batch_server.h"
#include "lpmc/tag_to_caption/prices.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)lpmc::read_batch_line(text);
  try {
    (void)lpmc::PriceTable::parse(text, "prices").find("gpt-4o-mini-2024-07-18");
  } catch (const lpmc::Error&) {
  }
  return 0;
}
