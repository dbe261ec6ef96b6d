#include "lpmc/server/access.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

constexpr std::size_t kMaxKeyFileBytes = 64 * 1024;
constexpr std::size_t kShortKey = 16;

/// The page is all that this server's answers may load, and nothing may frame them.
constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

}  // namespace

BearerKeys::Digest BearerKeys::digest_of(std::string_view key) {
  Digest digest{};
  SHA256(static_cast<const unsigned char*>(static_cast<const void*>(key.data())), key.size(), digest.data());
  return digest;
}

void BearerKeys::add(std::string_view key) {
  digests_.push_back(digest_of(key));
}

BearerKeys BearerKeys::read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream.is_open()) fail_errno(display_path(file), errno);
  std::string text(kMaxKeyFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  LPMC_REQUIRE(text.size() <= kMaxKeyFileBytes, invalid_argument, "{}: expected at most {} bytes of keys",
               display_path(file), kMaxKeyFileBytes);
  BearerKeys keys;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view key = trimmed(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    if (key.empty() || key.starts_with('#')) continue;
    const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
    LPMC_REQUIRE(printable, invalid_argument,
                 "{}: expected a key of printable characters without blanks in each line, found another line",
                 display_path(file));
    if (key.size() < kShortKey)
      log(LogLevel::warning, "{}: a key of {} characters can be guessed", display_path(file), key.size());
    keys.add(key);
  }
  OPENSSL_cleanse(text.data(), text.size());
  LPMC_REQUIRE(!keys.empty(), invalid_argument, "{}: expected a key, found none", display_path(file));
  return keys;
}

bool BearerKeys::accepts(std::string_view authorization) const {
  constexpr std::size_t kScheme = 7;  // "Bearer "
  if (lower_case(authorization.substr(0, kScheme)) != "bearer ") return false;
  const Digest digest = digest_of(trimmed(authorization.substr(kScheme)));
  bool found = false;
  for (const Digest& known : digests_)  // all of them, whichever it is
    found = (CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0) || found;
  return found;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return is_ipv4 && host.starts_with("127.");
}

std::string host_name(std::string_view host_header) {
  if (host_header.starts_with('['))
    return lower_case(host_header.substr(1, std::min(host_header.find(']'), host_header.size()) - 1));
  return lower_case(host_header.substr(0, host_header.find(':')));
}

std::vector<std::string> comma_separated(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = trimmed(text.substr(begin, end - begin));
    if (!part.empty()) parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

bool Access::is_own_host(std::string_view name) const {
  const bool listed = std::find(options_.hosts.begin(), options_.hosts.end(), name) != options_.hosts.end();
  if (listed || name == options_.host) return true;
  if (is_loopback(options_.host)) return is_loopback(name);
  return options_.hosts.empty();  // reachable under names we do not know
}

bool Access::is_allowed_origin(std::string_view origin) const {
  return std::any_of(options_.origins.begin(), options_.origins.end(),
                     [&](const std::string& allowed) { return allowed == "*" || allowed == origin; });
}

bool Access::is_same_origin(const RequestHead& head, std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  return scheme != std::string_view::npos &&
         lower_case(origin.substr(scheme + 3)) == lower_case(head.header("host"));
}

void Access::check(const RequestHead& head, bool needs_key) const {
  const std::string_view host = head.header("host");
  if (!host.empty() && !is_own_host(host_name(host))) {
    throw HttpError(421, "invalid_argument",
                    "this server does not answer to that Host; --allow-host adds names");
  }
  const std::string_view origin = head.header("origin");
  const bool changes = head.method != "GET" && head.method != "HEAD" && head.method != "OPTIONS";
  if (changes && !origin.empty() && !is_same_origin(head, origin) && !is_allowed_origin(origin)) {
    throw HttpError(403, "forbidden",
                    "pages of other origins may not use this server; --allow-origin lets them");
  }
  if (needs_key && !options_.keys.empty() && !options_.keys.accepts(head.header("authorization"))) {
    throw HttpError(401, "unauthorized", "expected a key of this server as `Authorization: Bearer KEY`",
                    {{"WWW-Authenticate", "Bearer realm=\"lpmc\""}});
  }
}

Reply Access::preflight(const RequestHead& head, const std::string& methods) const {
  Reply reply;
  reply.status = 204;
  reply.headers.emplace_back("Allow", methods);
  if (is_allowed_origin(head.header("origin"))) {
    reply.headers.emplace_back("Access-Control-Allow-Methods", methods);
    reply.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept");
    reply.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return reply;
}

void Access::add_headers(const RequestHead* head, Reply& reply) const {
  HeaderList& headers = reply.headers;
  headers.emplace_back("Content-Security-Policy", kContentPolicy);
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  headers.emplace_back("X-Frame-Options", "DENY");
  headers.emplace_back("Referrer-Policy", "no-referrer");
  headers.emplace_back("Permissions-Policy", "microphone=(self), camera=(), geolocation=()");
  headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  const std::string_view origin = head != nullptr ? head->header("origin") : std::string_view();
  const bool allowed = !origin.empty() && is_allowed_origin(origin);
  headers.emplace_back("Cross-Origin-Resource-Policy", allowed ? "cross-origin" : "same-origin");
  if (!options_.origins.empty()) headers.emplace_back("Vary", "Origin");
  if (allowed) {
    headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  }
  const bool caches = std::any_of(headers.begin(), headers.end(),
                                  [](const auto& header) { return header.first == "Cache-Control"; });
  if (!caches) headers.emplace_back("Cache-Control", "no-store");
}

}  // namespace lpmc
