#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include <nlohmann/json.hpp>

#include "lpmc/checkpoint/tensor_file.h"

namespace lpmc {

/// What a run needs to go on: everything but the data.
struct SavedState {
  nlohmann::json facts;  ///< step, options, best loss, ...
  TensorFile tensors;    ///< weights and moments, mapped
};

/// The states of a run: a folder of <step>.safetensors (tensors) and <step>.json (facts, size and CRC-32 of
/// the tensors). Both are written to temporary names, synced and renamed, the JSON last, and older states go
/// only after that: a kill, a crash or a full disk at any moment leaves the state before.
class StateFolder {
 public:
  /// @param keep how many states stay, at least 1
  StateFolder(std::filesystem::path folder, int keep);

  /// @throws Error(io); the states before stay
  void save(std::int64_t step, std::span<const NamedTensor> tensors, const nlohmann::json& facts);

  /// The newest state that is whole. Damaged ones are passed over with a warning.
  std::optional<SavedState> newest() const;

  /// Removes all states: for a run that begins anew.
  void clear();

 private:
  std::filesystem::path folder_;
  int keep_;
};

}  // namespace lpmc
