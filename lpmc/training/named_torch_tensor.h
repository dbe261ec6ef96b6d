#pragma once

#include <string>

#include <torch/torch.h>

namespace lpmc {

/// A torch tensor and the name it has in checkpoints. The tensor is a handle: copies share the memory.
struct NamedTorchTensor {
  std::string name;
  torch::Tensor tensor;
};

}  // namespace lpmc
