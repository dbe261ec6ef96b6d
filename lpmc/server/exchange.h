#pragma once

// An HTTP exchange without the network: what server/connection reads and writes, and what the API answers.

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lpmc {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A request without its body.
struct RequestHead {
  std::string method;  ///< "GET"
  std::string path;    ///< of the target, as sent: nothing decoded
  std::string query;   ///< behind "?"
  HeaderList headers;  ///< names in lower case
  std::optional<std::uint64_t> content_length;

  /// The first of this name, or "".
  std::string_view header(std::string_view lower_case_name) const;
  /// A parameter of the query, percent-decoded, or "".
  std::string query_value(std::string_view name) const;
};

/// "a%20b+c" to "a b c"; what is no valid code stays as it is.
std::string percent_decoded(std::string_view text);

/// A whole answer.
struct Reply {
  int status = 200;
  std::string content_type = {};  ///< empty: there is no body
  std::string body = {};
  HeaderList headers = {};
};

/// "Not Found" of 404.
std::string_view reason_phrase(int status);

/// Takes one exchange's answer, from any thread. What comes after the first answer, or once the client is
/// gone, is dropped. When the last pointer goes without an answer, the client gets a 500: no request is lost.
class Responder {
 public:
  virtual ~Responder() = default;
  Responder() = default;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  virtual void send(Reply reply) = 0;
  /// An answer in pieces: status and headers now. An event stream gets a comment now and then, so that
  /// nobody between takes it for dead.
  virtual void start_stream(Reply head) = 0;
  virtual void write(std::string piece) = 0;
  virtual void finish_stream() = 0;
  /// Requested when the client has gone, the exchange took too long, or the server ends.
  virtual std::stop_token client_gone() const = 0;
};

/// Takes a request's body, piece by piece, then its end. What they throw is the answer (error_reply), and
/// the rest of the body is not read.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  BodyReader() = default;
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  virtual void data(std::string_view piece) = 0;
  virtual void end() = 0;
};

/// What a server serves. Called on its threads, for many exchanges at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;

  /// @return who takes the body; a request without one gets end() at once. What this throws is the answer.
  virtual std::unique_ptr<BodyReader> begin(const RequestHead& head,
                                            std::shared_ptr<Responder> responder) = 0;
  /// The answer to what a handler threw, and to a request that could not be understood (head is then null).
  virtual Reply error_answer(const RequestHead* head, const std::exception& error) = 0;
};

}  // namespace lpmc
