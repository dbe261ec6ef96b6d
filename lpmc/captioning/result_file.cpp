#include "lpmc/captioning/result_file.h"

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/plain_text.h"

namespace lpmc {

ResultFile::ResultFile(const std::filesystem::path& path, bool keep) : file_(path) {
  std::error_code ignored;
  if (keep && std::filesystem::is_regular_file(path, ignored)) take_over(path);
}

bool ResultFile::has(const std::filesystem::path& input) const {
  const std::string& name = input.native();
  return inputs_.contains(is_valid_utf8(name) ? name : percent_encoded(name));
}

void ResultFile::take_over(const std::filesystem::path& path) {
  const MappedFile old(path);
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(old.bytes().data())),
                              old.bytes().size());
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    LPMC_REQUIRE(json.is_object() && json.contains("file") && json["file"].is_string(), corrupt,
                 "{}: line {}: expected a JSON object with \"file\", as --format jsonl writes it, found "
                 "something else",
                 display_path(path), number);
    if (json.contains("error")) continue;
    const auto raw = json.find("file_raw");  // only where the name is not UTF-8
    inputs_.insert((raw != json.end() && raw->is_string() ? *raw : json["file"]).get<std::string>());
    file_.write(line);
    file_.write("\n");
  }
}

}  // namespace lpmc
