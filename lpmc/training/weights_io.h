#pragma once

#include <string_view>

#include "lpmc/training/caption_module.h"

namespace lpmc {

/// Starts a module from a model that was trained before: one of our folders, a name, or a checkpoint of
/// the original project (its optimizer's part is not read), with a config.json beside it or without.
/// @throws Error(not_found), Error(invalid_argument) naming the first setting of another value where the
/// model has a config.json, Error(corrupt) naming the first tensor that differs: "<file>: <name>: expected
/// <the module's>, found <the file's>"
void load_init(CaptionModuleImpl& module, std::string_view model);

}  // namespace lpmc
