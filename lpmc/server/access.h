#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/server/exchange.h"

namespace lpmc {

/// The keys that open the API. Only their SHA-256 is kept, and digests are compared in constant time, so
/// that the time of an answer says nothing of a key.
class BearerKeys {
 public:
  BearerKeys() = default;
  /// @param file a key a line; empty lines and those that begin with "#" do not count
  /// @throws Error(not_found, io, invalid_argument), never with what the file holds
  static BearerKeys read(const std::filesystem::path& file);

  bool empty() const { return digests_.empty(); }
  void add(std::string_view key);
  /// @param authorization the value of that header
  bool accepts(std::string_view authorization) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest_of(std::string_view key);

  std::vector<Digest> digests_;
};

/// True for addresses that only this machine reaches: 127.*, ::1, localhost.
bool is_loopback(std::string_view host);

/// "example.org:8080", "[::1]:8080" to the name without port and brackets, in lower case.
std::string host_name(std::string_view host_header);

/// "a, b" to its parts without blanks; empty ones are left out.
std::vector<std::string> comma_separated(std::string_view text);

struct AccessOptions {
  std::string host;                  ///< listened on
  std::vector<std::string> hosts;    ///< further names of this server
  std::vector<std::string> origins;  ///< whose pages may use the API; "*" = all
  BearerKeys keys;                   ///< none: the API is open
};

/// Who may ask: the rules that hold before any request is looked at.
class Access {
 public:
  explicit Access(AccessOptions options) : options_(std::move(options)) {}

  /// @throws HttpError(421) for a Host header that is not this server's (DNS rebinding), HttpError(403) for
  /// what another origin's page sends, HttpError(401) for the API without a key
  void check(const RequestHead& head, bool needs_key) const;
  /// The answer to an OPTIONS request that asks for permission.
  /// @param methods that the address has
  Reply preflight(const RequestHead& head, const std::string& methods) const;
  /// What browsers are told with every answer. @param head null: of an unreadable request
  void add_headers(const RequestHead* head, Reply& reply) const;

 private:
  bool is_own_host(std::string_view name) const;
  bool is_allowed_origin(std::string_view origin) const;
  static bool is_same_origin(const RequestHead& head, std::string_view origin);

  AccessOptions options_;
};

}  // namespace lpmc
