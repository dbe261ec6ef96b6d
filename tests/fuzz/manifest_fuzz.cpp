// Manifests: what is read is written as lines that are read back the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/dataset/manifest.h"

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  lpmc::TextSource source(text, "fuzz");
  std::vector<std::string> lines;
  lpmc::read_manifest_lines(source, [&](lpmc::ManifestRecord&& record, std::size_t) {
    if (record.id.empty()) std::abort();
    lpmc::track_of(record);
    lines.push_back(lpmc::manifest_line(record));
  });
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  std::vector<std::string> lines;
  try {
    lines = lines_of(text);
  } catch (const lpmc::Error&) {
    return 0;
  }
  std::string written;
  for (const std::string& line : lines)
    written += line + '\n';
  if (lines_of(written) != lines) std::abort();
  return 0;
}
