#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lpmc/tag_to_caption/export.h"

namespace lpmc::test {

/// A finished job, as the store hands it out.
inline StoredCaption stored(const std::string& id, const std::string& prompt, const std::string& caption) {
  StoredCaption item;
  item.record.id = id;
  item.record.split = "train";
  item.record.tags = {"sad", "slow, \"blue\""};
  item.prompt_id = prompt;
  item.state = JobState::done;
  item.result.caption = caption;
  item.last_attempt.model = "model-1";
  item.last_attempt.prompt_hash = "abc123";
  item.last_attempt.sampling = R"({"max_tokens":256})";
  item.last_attempt.seed = 7;
  item.last_attempt.raw_text = caption;
  item.last_attempt.finish_reason = "stop";
  item.last_attempt.usage = {40, 12, true};
  item.last_attempt.latency_s = 0.25;
  item.last_attempt.cost_usd = 0.001;
  item.last_attempt.time_unix_ms = 1'700'000'000'123;
  item.last_attempt.tool_version = "0.1.0";
  return item;
}

inline StoredCaption unfinished(const std::string& id, const std::string& prompt, JobState state,
                                const std::string& error = "") {
  StoredCaption item = stored(id, prompt, "");
  item.state = state;
  item.error = error;
  item.last_attempt.raw_text.clear();
  return item;
}

inline StoredCaptions source_of(std::vector<StoredCaption> items) {
  return [items = std::move(items)](const std::function<void(const StoredCaption&)>& visit) {
    for (const StoredCaption& item : items)
      visit(item);
  };
}

}  // namespace lpmc::test
