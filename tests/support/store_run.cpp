// A tag-to-caption run as a program, for scripts/check_kill.sh and tests that kill it.
//
// store_run serve                 a loopback chat server until stdin ends: its address first, then its counts
// store_run run DB JOBS URL       adds JOBS / 4 records with the four prompts, and does the jobs that wait
// store_run export DB             one line a job: record, prompt, state, caption

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/runner.h"

#include "tests/support/chat_server.h"
#include "tests/unit/tag_to_caption/store_records.h"

namespace {

int serve() {
  lpmc::test::ChatServerOptions options;
  options.latency_s = 0.005;
  const lpmc::test::ChatServer server(options);
  fmt::print("{}\n", server.base_url());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  const auto counts = server.counts();
  fmt::print("requests {}, queries {}, answered more than once {}\n", counts.requests,
             counts.distinct_queries, counts.answered_more_than_once);
  return 0;
}

int run(const std::string& database, int jobs, const std::string& url) {
  lpmc::JobStore store(database);
  store.add(lpmc::test::make_records(jobs / 4), lpmc::published_prompts());
  lpmc::HttpClient http;
  lpmc::ChatOptions options;
  options.base_url = url;
  options.model = "loopback-model";
  lpmc::ChatClient chat(http, options);
  lpmc::RunSetup setup;
  setup.store = &store;
  setup.chat = &chat;
  return lpmc::run_jobs(setup) == lpmc::RunEnd::all_done ? 0 : 1;
}

int export_all(const std::string& database) {
  const lpmc::JobStore store(database);
  store.for_each([](const lpmc::StoredCaption& item) {
    fmt::print("{}\t{}\t{}\t{}\t{}\n", item.record.id, item.prompt_id, static_cast<int>(item.state),
               item.result.caption, item.result.validation);
  });
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  try {
    if (command == "serve") return serve();
    if (command == "run" && count == 5) return run(arguments[2], std::atoi(arguments[3]), arguments[4]);
    if (command == "export" && count == 3) return export_all(arguments[2]);
  } catch (const lpmc::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  fmt::print(stderr, "usage: store_run serve | run DB JOBS URL | export DB\n");
  return 2;
}
