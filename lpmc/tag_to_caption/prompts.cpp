#include "lpmc/tag_to_caption/prompts.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::string_view kTagsMark = "{tags}";
constexpr std::size_t kMaxPromptBytes = 64 * 1024;

const std::array<Prompt, 4>& published() {
  static const std::array<Prompt, 4> prompts = {{
      {"writing", "write a song description sentence including the following single attribute.",
       "write a song description sentence including the following attributes.", false},
      {"summary",
       "write a single sentence that summarize a song with the following single attribute. Don't write "
       "artist "
       "name or album name.",
       "write a single sentence that summarize a song with the following attributes. Don't write artist name "
       "or "
       "album name.",
       false},
      {"paraphrase",
       "write a song description sentence including the following single attribute. creative paraphrasing is "
       "acceptable.",
       "write a song description sentence including the following attributes. creative paraphrasing is "
       "acceptable.",
       false},
      {"attribute_prediction",
       "write the answer as a python dictionary with new_attribute and description as keys. for "
       "new_attribute, "
       "write new attributes with high co-occurrence with the following single attribute. for description, "
       "write "
       "a song description sentence including the single attribute and new attribute.",
       "write the answer as a python dictionary with new_attribute and description as keys. for "
       "new_attribute, "
       "write new attributes with high co-occurrence with the following attributes. for description, write a "
       "song description sentence including the following attributes and new attributes.",
       true},
  }};
  return prompts;
}

/// BOM and the line ends at the end go; CRLF becomes LF.
std::string plain_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    plain += text[i];
  }
  plain.erase(plain.find_last_not_of(" \t\r\n") + 1);
  return plain;
}

}  // namespace

std::string Prompt::hash() const {
  std::string text = singular;
  text += '\0';
  text += plural;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  LPMC_REQUIRE(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
               unsupported, "SHA-256: libcrypto does not offer it");
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

std::span<const Prompt> published_prompts() {
  return published();
}

std::vector<Prompt> find_prompts(std::string_view name) {
  const auto& prompts = published();
  if (name == "all") return {prompts.begin(), prompts.end()};
  const auto found =
      std::find_if(prompts.begin(), prompts.end(), [&](const Prompt& p) { return p.id == name; });
  LPMC_REQUIRE(found != prompts.end(), invalid_argument,
               "prompt: expected writing, summary, paraphrase, attribute_prediction or all, found '{}'",
               replace_invalid_utf8(name));
  return {*found};
}

Prompt read_prompt_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string where = display_path(path);
  LPMC_REQUIRE(file.bytes().size() <= kMaxPromptBytes, invalid_argument,
               "{}: expected a prompt of at most {} bytes, found {}", where, kMaxPromptBytes,
               file.bytes().size());
  const std::string text = plain_lines(
      {static_cast<const char*>(static_cast<const void*>(file.bytes().data())), file.bytes().size()});
  LPMC_REQUIRE(is_valid_utf8(text) && text.find('\0') == std::string::npos, invalid_argument,
               "{}: expected a prompt in UTF-8, found other bytes", where);
  LPMC_REQUIRE(!text.empty(), invalid_argument, "{}: expected a prompt, found an empty file", where);

  Prompt prompt{path.stem().string(), text, text, false};
  // The id names jobs, columns and folders: a published name for another text would mislabel captions.
  const auto taken = [&](const Prompt& p) { return p.id == prompt.id; };
  LPMC_REQUIRE(prompt.id != "all" && std::none_of(published().begin(), published().end(), taken),
               invalid_argument, "{}: expected a file name that is no published prompt's, found '{}'", where,
               prompt.id);
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  LPMC_REQUIRE(!prompt.id.empty() && is_valid_utf8(prompt.id) &&
                   std::none_of(prompt.id.begin(), prompt.id.end(), control),
               invalid_argument, "{}: expected a printable file name in UTF-8, which becomes the prompt's id",
               where);
  return prompt;
}

std::string make_query(const Prompt& prompt, std::span<const std::string> tags) {
  LPMC_REQUIRE(!tags.empty(), invalid_argument, "prompt {}: expected at least one tag, found none",
               prompt.id);
  const std::string& instruction = tags.size() == 1 ? prompt.singular : prompt.plural;
  const std::string joined = fmt::format("{}", fmt::join(tags, ", "));
  std::size_t mark = instruction.find(kTagsMark);
  if (mark == std::string::npos) return instruction + " \n " + joined;
  std::string query;
  std::size_t from = 0;
  for (; mark != std::string::npos; mark = instruction.find(kTagsMark, from)) {
    query.append(instruction, from, mark - from).append(joined);
    from = mark + kTagsMark.size();
  }
  return query.append(instruction, from);
}

}  // namespace lpmc
