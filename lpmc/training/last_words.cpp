#include "lpmc/training/last_words.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

namespace lpmc {

namespace {

constexpr std::chrono::milliseconds kPoll{50};
constexpr char kOrigin = '!';
constexpr char kVictim = '?';

std::string key_of(int rank) {
  return fmt::format("lpmc/last_words/{}", rank);
}

/// What the thread that asks the store has found so far. The store may never answer (a stopped process 0),
/// so nobody waits for the thread itself.
struct Findings {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<std::string>> words;
  bool store_lost = false;
  bool done = false;
};

using Words = std::vector<std::optional<std::string>>;

bool complete(const Words& words) {
  return std::ranges::all_of(words, [](const auto& word) { return word.has_value(); });
}

void ask(const c10::intrusive_ptr<c10d::Store>& store, const std::shared_ptr<Findings>& findings,
         std::chrono::steady_clock::time_point until) {
  const auto size = findings->words.size();
  Words words(size);
  bool store_lost = false;
  while (!store_lost && !complete(words) && std::chrono::steady_clock::now() < until) {
    try {
      for (std::size_t rank = 0; rank < size; ++rank) {
        const std::string key = key_of(static_cast<int>(rank));
        if (words[rank] || !store->check({key})) continue;
        const auto bytes = store->get(key);
        words[rank] = std::string(bytes.begin(), bytes.end());
      }
    } catch (const std::exception&) {
      store_lost = true;  // with process 0
    }
    {
      const std::lock_guard lock(findings->mutex);
      findings->words = words;
      findings->store_lost = store_lost;
    }
    if (!complete(words)) std::this_thread::sleep_for(kPoll);
  }
  const std::lock_guard lock(findings->mutex);
  findings->done = true;
  findings->changed.notify_all();
}

std::string describe(const Words& words, int own_rank, bool store_lost) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  for (std::size_t rank = 0; rank < words.size(); ++rank) {
    if (words[rank] && words[rank]->starts_with(kOrigin)) {
      add(fmt::format("process {} ended: {}", rank, words[rank]->substr(1)));
    }
  }
  if (!text.empty()) return text;
  // Without process 0 nobody's words are to be had, so their absence says nothing.
  if (store_lost && !words[0]) return "no word from process 0";
  if (store_lost) return {};
  for (std::size_t rank = 0; rank < words.size(); ++rank) {
    if (!words[rank] && static_cast<int>(rank) != own_rank) add(fmt::format("no word from process {}", rank));
  }
  return text;
}

}  // namespace

void LastWords::leave(std::string_view reason, bool origin) {
  std::vector<std::uint8_t> value{static_cast<std::uint8_t>(origin ? kOrigin : kVictim)};
  value.insert(value.end(), reason.begin(), reason.end());
  // The store may be gone or stuck, with process 0: a thread of its own, and a short wait for it.
  const auto findings = std::make_shared<Findings>();
  std::thread([store = store_, key = key_of(rank_), value, findings] {
    try {
      store->set(key, value);
    } catch (const std::exception&) {
      // Then nobody can be told.
    }
    const std::lock_guard lock(findings->mutex);
    findings->done = true;
    findings->changed.notify_all();
  }).detach();
  std::unique_lock lock(findings->mutex);
  findings->changed.wait_for(lock, std::chrono::seconds(2), [&] { return findings->done; });
}

std::string LastWords::collect(std::chrono::milliseconds patience) const {
  const auto findings = std::make_shared<Findings>();
  findings->words.resize(static_cast<std::size_t>(world_size_));
  const auto until = std::chrono::steady_clock::now() + patience;
  std::thread([store = store_, findings, until] { ask(store, findings, until); }).detach();
  std::unique_lock lock(findings->mutex);
  const bool answered = findings->changed.wait_until(lock, until + 4 * kPoll, [&] { return findings->done; });
  return describe(findings->words, rank_, findings->store_lost || !answered);
}

}  // namespace lpmc
