#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include <CLI/CLI.hpp>

#include "lpmc/server/serve_app.h"

namespace lpmc::cli {

/// The language model of `lpmc serve`: the same choice as `lpmc tag-to-caption`'s, or none.
class ServeTags {
 public:
  ServeTags();
  ~ServeTags();
  ServeTags(const ServeTags&) = delete;
  ServeTags& operator=(const ServeTags&) = delete;

  void add_flags(CLI::App& app);
  /// Takes the key out of the environment; before any thread is started.
  void take_key();
  /// Opens the language model. With `auto`, what is not there is none; what was asked for must be there.
  /// @param threads of a local server
  void open(int threads, const std::stop_token& stop);

  const std::shared_ptr<TagCaptioning>& captioning() const { return captioning_; }
  /// Why there is none.
  const std::string& reason() const { return reason_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::shared_ptr<TagCaptioning> captioning_;
  std::string reason_;
};

}  // namespace lpmc::cli
