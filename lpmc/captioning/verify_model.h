#pragma once

#include <string>
#include <vector>

#include "lpmc/model/model_dir.h"

namespace lpmc {

/// Checks a model from end to end: configuration, every tensor's name, shape and type, finite
/// weights, checksums where the file format has them, tokenizer files that fit, search defaults.
/// @return one line for each check that passed
/// @throws Error naming the first thing that is wrong
std::vector<std::string> verify_model(const ModelFiles& files);

}  // namespace lpmc
