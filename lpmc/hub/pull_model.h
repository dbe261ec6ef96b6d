#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "lpmc/http/http_client.h"
#include "lpmc/hub/model_list.h"

namespace lpmc {

struct PullOptions {
  std::string from;              ///< a folder or URL that holds the files instead of the model's source
  std::filesystem::path folder;  ///< where they go; made where needed
  int max_attempts = 8;          ///< broken connections in a row without a new byte
  Backoff backoff;               ///< between them
  std::stop_token stop = {};     ///< what was fetched stays, and the next pull goes on there
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress = {};  ///< bytes of all files
};

/// Fetches a model's files. Each is downloaded as FILE.part, goes on where an earlier pull was cut off, and
/// gets its name when its size and SHA-256 are right; files that are there already and right stay. Where the
/// list does not know them, they are what the server says of the file (remote_file.h), or what a folder's
/// file is: then a copy is whole, but nothing vouches for the source.
/// @return the files
/// @throws Error(not_found, io) for a folder without them; Error(remote) naming what the server said;
/// Error(corrupt) when what came is not what the list says (it is removed); Error(cancelled)
std::vector<std::filesystem::path> pull_model(HttpClient& http, const HubModel& model,
                                              const PullOptions& options);

}  // namespace lpmc
