#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "lpmc/tensor/tensor.h"

namespace lpmc::test {

/// A NumPy .npy file (C order; float32, float64, int16, int32, int64, uint8, bool).
Tensor read_npy(const std::filesystem::path& path);

/// All arrays of a .npz file, stored or deflated.
std::map<std::string, Tensor> read_npz(const std::filesystem::path& path);

}  // namespace lpmc::test
