#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/answer_judge.h"
#include "lpmc/tag_to_caption/chat_client.h"
#include "lpmc/tag_to_caption/prompts.h"
#include "lpmc/tag_to_caption/runner.h"

namespace lpmc {

/// Who is asked, and what is good enough: a chat server or a writer.
struct TagAsker {
  ChatClient* chat = nullptr;  ///< or
  WriterFn writer;
  AnswerRules rules;
};

/// What one task made of the tags.
struct TagCaption {
  std::string prompt, query;  ///< the task's id; the whole question, for a writer the tags
  std::string caption;
  std::vector<std::string> new_attributes;  ///< attribute_prediction only
  bool valid = false;                       ///< no flaws found
  std::vector<std::string> notes;           ///< on flaws, for people
  std::string error;                        ///< why there is no caption
};

/// "a, b, c", or a list as Python or JSON writes it, to clean tags (dataset/clean_tags.h).
/// @throws Error(invalid_argument) when none is left
std::vector<std::string> tags_of_line(const std::string& line);
std::vector<std::string> cleaned_tags(std::vector<std::string> tags);

/// Asks each task once, and again as the rules say. Keeps nothing, unlike run_jobs().
/// @param asker its chat client must live until `done`
/// @param done called once, on the HTTP client's thread, or on this one where a writer is asked
void ask_tags(const TagAsker& asker, std::vector<std::string> tags, std::vector<Prompt> prompts,
              std::optional<std::int64_t> seed, std::function<void(std::vector<TagCaption>&&)> done);

}  // namespace lpmc
