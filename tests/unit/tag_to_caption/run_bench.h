#pragma once

#include <memory>
#include <utility>

#include "lpmc/tag_to_caption/runner.h"

#include "tests/support/chat_server.h"
#include "tests/unit/tag_to_caption/store_records.h"

namespace lpmc::test {

/// A store, a server and a client, and a setup that is fast where the real one is patient.
struct RunBench {
  explicit RunBench(ChatServerOptions options = {}, int records = 50, int prompts = 4)
      : server(std::move(options)), store(folder.database()) {
    store.add(make_records(records), published_prompts().subspan(0, static_cast<std::size_t>(prompts)));
    connect({});
  }

  void connect(ChatOptions options) {
    options.base_url = server.base_url();
    if (options.model.empty()) options.model = "loopback-model";
    if (options.timeout_s == 300) options.timeout_s = 20;
    chat = std::make_unique<ChatClient>(http, options);
  }

  RunSetup setup() {
    RunSetup setup;
    setup.store = &store;
    setup.chat = chat.get();
    setup.policy = FlawPolicy::keep;
    setup.backoff = {.base_s = 0.001, .cap_s = 0.01};
    setup.breaker = {.failures = 20, .first_pause_s = 0.01, .longest_pause_s = 0.05, .probes = 20};
    setup.tool_version = "test";
    return setup;
  }

  StoreFolder folder;
  ChatServer server;
  JobStore store;
  HttpClient http;
  std::unique_ptr<ChatClient> chat;
};

}  // namespace lpmc::test
