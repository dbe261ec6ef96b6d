// Annotation files in every container (JSON by id, array, JSONL, CSV), split files and Python's lists.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/json_records.h"
#include "lpmc/dataset/python_list.h"
#include "lpmc/dataset/tag_record.h"
#include "lpmc/dataset/text_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  try {
    lpmc::TextSource source(text, "fuzz");
    lpmc::read_tag_records(source, {}, [](lpmc::TagRecord&& record) {
      // What is kept must be fit for a query and a database.
      if (record.id.empty() || record.tags.empty()) std::abort();
      for (const std::string& tag : record.tags) {
        if (tag.empty() || !lpmc::is_valid_utf8(tag) || tag.find('\n') != std::string::npos) std::abort();
      }
    });
  } catch (const lpmc::Error&) {
  }
  try {
    lpmc::TextSource source(text, "fuzz");
    lpmc::read_id_lists(source, [](const std::string&, std::optional<std::string>&&) {});
  } catch (const lpmc::Error&) {
  }
  lpmc::parse_python_list(text);
  return 0;
}
