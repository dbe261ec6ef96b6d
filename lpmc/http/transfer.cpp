#include "lpmc/http/transfer.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <exception>
#include <limits>
#include <new>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::size_t kMaxHeaderBytes = 256U << 10;

template <class T>
void set(CURL* handle, CURLoption option, T value) {
  const CURLcode result = curl_easy_setopt(handle, option, value);
  // What is set here is known to every libcurl we build with; what is left is memory.
  if (result != CURLE_OK) throw std::bad_alloc();
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// A server's words may reach libcurl's messages: nothing that a terminal would obey is let through.
std::string printable(std::string_view text) {
  std::string out = replace_invalid_utf8(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return out;
}

long milliseconds(double seconds) {
  if (!(seconds > 0)) return 0;  // libcurl: no limit
  const double bounded = std::min(seconds * 1000, static_cast<double>(std::numeric_limits<int>::max()));
  return std::max(1L, static_cast<long>(std::ceil(bounded)));
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1]";
}

std::string url_part(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

HttpFailure failure_of(CURLcode code, std::string_view message) {
  switch (code) {
    case CURLE_OK:
      return HttpFailure::none;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
      return HttpFailure::bad_url;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpFailure::resolve;
    case CURLE_COULDNT_CONNECT:
      return HttpFailure::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::timeout;
    case CURLE_SSL_CONNECT_ERROR:
      // A connection that breaks during the handshake says nothing about certificates.
      return message.find("SYSCALL") != std::string_view::npos ||
                     message.find("reset") != std::string_view::npos
                 ? HttpFailure::broken
                 : HttpFailure::tls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
      return HttpFailure::tls;
    default:
      return HttpFailure::broken;
  }
}

}  // namespace

std::optional<Origin> find_origin(const std::string& url) {
  struct FreeUrl {
    void operator()(CURLU* u) const { curl_url_cleanup(u); }
  };
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  if (!parsed) throw std::bad_alloc();
  if (has_control_character(url) || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  const std::string scheme = url_part(parsed.get(), CURLUPART_SCHEME, 0);
  const std::string host = lower_case(url_part(parsed.get(), CURLUPART_HOST, 0));
  if ((scheme != "http" && scheme != "https") || host.empty()) return std::nullopt;
  const std::string port = url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  return Origin{fmt::format("{}://{}:{}", scheme, host, port), is_loopback(host), scheme == "https"};
}

Transfer::Transfer() : handle_(curl_easy_init()) {
  if (!handle_) throw std::bad_alloc();
}

Transfer* Transfer::of(CURL* handle) {
  char* self = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &self);
  return static_cast<Transfer*>(static_cast<void*>(self));
}

std::optional<std::string> Transfer::begin(HttpRequest request, const Origin& origin,
                                           const HttpClientOptions& options) {
  request_ = std::move(request);
  origin_ = origin;
  response_ = HttpResponse{};
  header_bytes_ = 0;
  stop_ = Stop::none;
  error_[0] = '\0';
  if (request_.method.empty() || !std::all_of(request_.method.begin(), request_.method.end(),
                                              [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return "the HTTP method is expected in capital letters";
  }
  if (has_control_character(request_.bearer.reveal())) return "the key holds a control character";

  CURL* const handle = handle_.get();
  set(handle, CURLOPT_PRIVATE, static_cast<void*>(this));
  set(handle, CURLOPT_ERRORBUFFER, error_);
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_URL, request_.url.c_str());
  set(handle, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(handle, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(handle, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (!options.user_agent.empty()) set(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  // A receiver of pieces may ask for ranges and compare sums: it gets the bytes as they are stored.
  if (!request_.on_data) set(handle, CURLOPT_ACCEPT_ENCODING, "");
  set_method();
  set_limits();
  set_security(options);
  return add_headers();
}

void Transfer::set_method() {
  CURL* const handle = handle_.get();
  if (request_.method == "HEAD") {
    set(handle, CURLOPT_NOBODY, 1L);
  } else if (request_.method == "POST" || !request_.body.empty()) {
    set(handle, CURLOPT_POSTFIELDS, request_.body.data());
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  }
  const bool by_itself = request_.method == "HEAD" || request_.method == "POST" ||
                         (request_.method == "GET" && request_.body.empty());
  if (!by_itself) set(handle, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  // Other methods are not sent twice: following a redirect would turn a POST into a GET.
  if (request_.follow_redirects && (request_.method == "GET" || request_.method == "HEAD")) {
    set(handle, CURLOPT_FOLLOWLOCATION, 1L);
    set(handle, CURLOPT_MAXREDIRS, 10L);
  }
}

void Transfer::set_limits() {
  CURL* const handle = handle_.get();
  set(handle, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout_s));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout_s));
  if (request_.stall_timeout_s > 0 && request_.stall_timeout_s < request_.timeout_s) {
    set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(handle, CURLOPT_LOW_SPEED_TIME, std::max(1L, (milliseconds(request_.stall_timeout_s) + 999) / 1000));
  }
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
}

void Transfer::set_security(const HttpClientOptions& options) {
  CURL* const handle = handle_.get();
#if LIBCURL_VERSION_NUM >= 0x075500
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  set(handle, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  set(handle, CURLOPT_REDIR_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  if (origin_.loopback) set(handle, CURLOPT_PROXY, "");  // whatever the environment says
  if (origin_.https) {
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    // Waits for the first connection's handshake: with HTTP/2 the requests share it.
    set(handle, CURLOPT_PIPEWAIT, 1L);
    if (!options.ca_file.empty()) set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  if (!request_.bearer.empty()) {
    // As a credential, not as a header of ours: libcurl drops credentials when a redirect leaves the
    // host, port or scheme.
    set(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    set(handle, CURLOPT_XOAUTH2_BEARER, request_.bearer.reveal().data());
  }
}

std::optional<std::string> Transfer::add_headers() {
  const auto append = [&](const std::string& line) {
    curl_slist* const longer = curl_slist_append(header_list_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)header_list_.release();
    header_list_.reset(longer);
  };
  header_list_.reset();
  append("Expect:");  // no waiting for "100 Continue" before a large body
  for (const auto& [name, value] : request_.headers) {
    if (name.empty() || has_control_character(name) || has_control_character(value) ||
        name.find(':') != std::string::npos) {
      return fmt::format("the header {} is not one line", printable(name));
    }
    append(value.empty() ? name + ";" : name + ": " + value);
  }
  set(handle_.get(), CURLOPT_HTTPHEADER, header_list_.get());
  return std::nullopt;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  try {
    return static_cast<Transfer*>(self)->take_header({data, size * count}) ? size * count : 0;
  } catch (const std::exception&) {
    return 0;  // out of memory; nothing may pass through C
  }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  try {
    return static_cast<Transfer*>(self)->take_body({data, size * count}) ? size * count : 0;
  } catch (const std::exception&) {
    static_cast<Transfer*>(self)->stop_ = Stop::by_receiver;
    return 0;
  }
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    stop_ = Stop::too_large;
    return false;
  }
  if (line.starts_with("HTTP/")) {  // of a redirect's next answer, or after "100 Continue"
    response_.headers.clear();
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos)
    response_.headers.emplace_back(lower_case(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  return true;
}

bool Transfer::take_body(std::string_view piece) {
  if (request_.on_data) {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      if (request_.on_data({piece.data(), piece.size()})) return true;
      stop_ = Stop::by_receiver;
      return false;
    }
  }
  if (piece.size() > request_.max_body_bytes - response_.body.size()) {
    stop_ = Stop::too_large;
    return false;
  }
  response_.body.append(piece);
  return true;
}

HttpResponse Transfer::finish(CURLcode result) {
  long status = 0;
  curl_off_t microseconds = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle_.get(), CURLINFO_TOTAL_TIME_T, &microseconds);
  response_.status = static_cast<int>(status);
  response_.elapsed_s = static_cast<double>(microseconds) * 1e-6;
  if (result != CURLE_OK) describe_failure(result);
  forget_request();
  return std::move(response_);
}

void Transfer::describe_failure(CURLcode result) {
  if (stop_ == Stop::too_large) {
    response_.failure = HttpFailure::too_large;
    response_.failure_text = fmt::format("{}: the answer is longer than the {} bytes allowed", origin_.name,
                                         request_.max_body_bytes);
    return;
  }
  if (stop_ == Stop::by_receiver) {
    response_.failure = HttpFailure::cancelled;
    response_.failure_text = fmt::format("{}: stopped while the answer came", origin_.name);
    return;
  }
  const std::string_view message = error_[0] != '\0' ? std::string_view(error_) : curl_easy_strerror(result);
  response_.failure = failure_of(result, message);
  response_.failure_text = fmt::format("{}: {}", origin_.name, printable(message));
}

HttpResponse Transfer::abandon(HttpFailure failure, std::string_view why) {
  response_ = HttpResponse{};
  response_.failure = failure;
  response_.failure_text = origin_.name.empty() ? std::string(why) : fmt::format("{}: {}", origin_.name, why);
  forget_request();
  return std::move(response_);
}

void Transfer::forget_request() {
  curl_easy_reset(handle_.get());  // also frees libcurl's copy of the key
  header_list_.reset();
  request_ = HttpRequest{};
}

}  // namespace lpmc
