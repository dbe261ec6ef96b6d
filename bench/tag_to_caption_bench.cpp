// Speed and memory of tag-to-caption runs, to be read by people:
//
//   tag_to_caption_bench [JOBS [TRACKS]]
//
// JOBS jobs through real HTTP against a loopback server in this process that answers at once; a database of
// TRACKS tracks with the four prompts: filling, opening again, adding the same again, the first jobs, and the
// memory it takes.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/runner.h"

#include "tests/support/chat_server.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Memory of this process in MB, and the most it has had: VmRSS, VmHWM.
std::string memory() {
  std::ifstream status("/proc/self/status");
  std::string text;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS") || line.starts_with("VmHWM")) {
      text += fmt::format("  {} {} MB", line.substr(0, 5), std::atol(line.c_str() + 6) / 1024);
    }
  }
  return text;
}

lpmc::TagRecord make_record(int number) {
  lpmc::TagRecord record;
  record.id = fmt::format("TR{:016x}", static_cast<unsigned>(number) * 2654435761U);
  record.split = "train";
  for (const char* const word :
       {"jazz", "piano", "female vocalist", "slow tempo", "mellow", "live recording"}) {
    record.tags.emplace_back(word);
  }
  record.tags.push_back(fmt::format("track {}", number));
  return record;
}

std::int64_t add(lpmc::JobStore& store, int tracks) {
  std::int64_t added = 0;
  std::vector<lpmc::TagRecord> records;
  for (int i = 0; i < tracks; ++i) {
    records.push_back(make_record(i));
    if (records.size() < 10'000 && i + 1 < tracks) continue;
    added += store.add(records, lpmc::published_prompts());
    records.clear();
  }
  return added;
}

void measure_run(const std::filesystem::path& folder, int jobs, lpmc::FlawPolicy policy) {
  lpmc::JobStore store(folder / fmt::format("run{}.sqlite", static_cast<int>(policy)));
  add(store, jobs / 4);
  const lpmc::test::ChatServer server;
  lpmc::HttpClient http;
  lpmc::ChatOptions options;
  options.base_url = server.base_url();
  options.model = "loopback-model";
  lpmc::ChatClient chat(http, options);
  lpmc::RunSetup setup;
  setup.store = &store;
  setup.chat = &chat;
  setup.policy = policy;
  setup.limits.concurrency = 64;
  const auto begin = Clock::now();
  const lpmc::RunEnd end = lpmc::run_jobs(setup);
  const double seconds = seconds_since(begin);
  fmt::print("{} jobs, {}: {:.2f} s, {:.0f} jobs/s{}\n", jobs,
             policy == lpmc::FlawPolicy::keep ? "not validated" : "validated", seconds, jobs / seconds,
             end == lpmc::RunEnd::all_done ? "" : "  NOT ALL DONE");
}

void measure_store(const std::filesystem::path& folder, int tracks) {
  const auto path = folder / "large.sqlite";
  fmt::print("before the large database:{}\n", memory());
  auto begin = Clock::now();
  {
    lpmc::JobStore store(path);
    const std::int64_t jobs = add(store, tracks);
    fmt::print("{} tracks, {} jobs added: {:.2f} s{}\n", tracks, jobs, seconds_since(begin), memory());
  }
  begin = Clock::now();
  lpmc::JobStore store(path);
  fmt::print("opened: {:.2f} s\n", seconds_since(begin));
  begin = Clock::now();
  const lpmc::StoreCounts counts = store.counts();
  fmt::print("counted {} waiting: {:.2f} s\n", counts.waiting, seconds_since(begin));
  begin = Clock::now();
  const std::int64_t again = add(store, tracks);
  fmt::print("the same added again ({} new): {:.2f} s{}\n", again, seconds_since(begin), memory());
  begin = Clock::now();
  const auto jobs = store.take(1000, 60);
  fmt::print("first {} jobs taken: {:.3f} s; {} MB on disk{}\n", jobs.size(), seconds_since(begin),
             std::filesystem::file_size(path) >> 20U, memory());
}

void measure_writer(const std::filesystem::path& path) {
  lpmc::JobStore store(path);
  lpmc::RunSetup setup;
  setup.store = &store;
  setup.writer = [](const lpmc::Prompt&, std::span<const std::string> tags, std::uint64_t seed) {
    return lpmc::template_caption(tags, seed);
  };
  setup.writer_name = "template";
  setup.policy = lpmc::FlawPolicy::keep;
  const auto begin = Clock::now();
  (void)lpmc::run_jobs(setup);
  const double seconds = seconds_since(begin);
  const lpmc::StoreCounts counts = store.counts();
  fmt::print("{} baseline captions: {:.1f} s, {:.0f}/s; {} MB on disk{}\n", counts.done, seconds,
             static_cast<double>(counts.done) / seconds, std::filesystem::file_size(path) >> 20U, memory());
}

}  // namespace

int main(int count, char** arguments) {
  const int jobs = count > 1 ? std::atoi(arguments[1]) : 20'000;
  const int tracks = count > 2 ? std::atoi(arguments[2]) : 500'000;
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("lpmc-bench-{}", ::getpid());
  std::filesystem::create_directories(folder);
  int status = 0;
  try {
    measure_store(folder, tracks);
    measure_writer(folder / "large.sqlite");
    measure_run(folder, jobs, lpmc::FlawPolicy::keep);
    measure_run(folder, jobs, lpmc::FlawPolicy::flag);
  } catch (const lpmc::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    status = 1;
  }
  std::filesystem::remove_all(folder);
  return status;
}
