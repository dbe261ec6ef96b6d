#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace lpmc {

/// How a process knows what became of the others when a connection breaks: each writes its last words to
/// the store that process 0 keeps. Who writes none is the one that was lost.
class LastWords {
 public:
  LastWords(c10::intrusive_ptr<c10d::Store> store, int rank, int world_size)
      : store_(std::move(store)), rank_(rank), world_size_(world_size) {}

  /// Leaves this process's words. `origin`: it ends for a reason of its own, not because others did.
  void leave(std::string_view reason, bool origin);
  /// Collects the words of the others, and gives up after `patience`, whatever the store does.
  /// @return what is known: "process 2 ended: disk full", "no word from process 1"; may be empty
  std::string collect(std::chrono::milliseconds patience) const;

 private:
  c10::intrusive_ptr<c10d::Store> store_;
  int rank_;
  int world_size_;
};

}  // namespace lpmc
