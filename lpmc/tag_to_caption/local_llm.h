#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lpmc/http/http_client.h"

namespace lpmc {

struct LocalLlmOptions {
  /// llama-server: a path, or a name looked for on PATH; empty = llama-server on PATH, then in `folder`/bin
  std::filesystem::path server;
  /// Weights; empty = the SmolLM2 in `folder`, else the first *.gguf there by name
  std::filesystem::path gguf;
  std::filesystem::path folder;  ///< lpmc's own folder for language models; empty = none
  int threads = 0;               ///< 0 = as the server likes
  int context_tokens = 4096;     ///< for all slots together, at least 1024 each
  int parallel = 4;              ///< slots of the server: questions answered at once
  double start_timeout_s = 120;
  std::stop_token stop = {};  ///< ends the waiting for the server
};

/// Server and weights that a LocalLlm would use.
struct LocalLlmFiles {
  std::filesystem::path server, gguf;
};

/// @throws Error(not_found) in three lines that say how to get server and weights; Error(corrupt) when the
/// weights are no GGUF file
LocalLlmFiles find_local_llm(const LocalLlmOptions& options);

/// llama.cpp's llama-server as a child process on a free loopback port, for as long as this object lives. It
/// ends when the object goes, and when this process ends in whatever way, kill -9 included. Signals of the
/// terminal (Ctrl-C) do not reach it: what is in flight can be finished. It does not see OPENAI_API_KEY.
class LocalLlm {
 public:
  /// Starts the server and waits for GET /health. A port that somebody else took meanwhile is tried again
  /// with another one.
  /// @throws as find_local_llm; Error(remote) with the end of the server's own log when it does not come up;
  /// Error(cancelled) when options.stop asks for it
  LocalLlm(HttpClient& http, const LocalLlmOptions& options);
  ~LocalLlm();
  LocalLlm(const LocalLlm&) = delete;
  LocalLlm& operator=(const LocalLlm&) = delete;

  /// "http://127.0.0.1:PORT/v1"
  const std::string& base_url() const;
  /// The GGUF's file name without ending.
  const std::string& model_name() const;
  bool is_running() const;
  /// The last lines that the server wrote, with how it ended if it has; for messages.
  std::string last_words() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
