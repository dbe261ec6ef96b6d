#include "lpmc/server/serve_app.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/server/captions_api.h"
#include "lpmc/server/http_error.h"
#include "lpmc/server/metrics.h"
#include "lpmc/server/openapi.h"
#include "lpmc/server/page_assets.h"
#include "lpmc/server/upload.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxSmallBody = 64 * 1024;
/// Uploads that may lie on disk together, in times of the largest one.
constexpr std::uint64_t kUploadsTogether = 32;

constexpr std::string_view kNoPage =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>lpmc</title></head><body>"
    "<h1>lpmc</h1><p>This lpmc was built without its web page. Install Node.js with npm and build again to "
    "get it.</p><p>The API is complete: see <a href=\"/openapi.json\">/openapi.json</a>. For example:</p>"
    "<pre>curl -F file=@song.mp3 http://HOST:PORT/v1/captions</pre></body></html>\n";

AccessOptions access_options(const ServeSetup& setup) {
  AccessOptions options;
  options.host = setup.options.host;
  for (const std::string& host : comma_separated(setup.options.allow_host))
    options.hosts.push_back(host_name(host));
  options.origins = comma_separated(setup.options.allow_origin);
  options.keys = setup.keys;
  return options;
}

std::filesystem::path temp_folder(const ServerOptions& options) {
  if (!options.temp_dir.empty()) return options.temp_dir;
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  return error ? std::filesystem::path("/tmp") : folder;
}

std::uint64_t upload_bytes(const ServerOptions& options) {
  return static_cast<std::uint64_t>(options.max_upload_mb) << 20;
}

Reply json_reply(const Json& json, int status = 200) {
  Reply reply;
  reply.status = status;
  reply.content_type = "application/json";
  reply.body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return reply;
}

/// Adds what every answer has, and counts it.
class MeteredResponder : public Responder {
 public:
  using Finish = std::function<void(Reply& reply, double seconds)>;

  MeteredResponder(std::shared_ptr<Responder> inner, Finish finish)
      : inner_(std::move(inner)), finish_(std::move(finish)) {}

  void send(Reply reply) override {
    finish_(reply, elapsed_s());
    inner_->send(std::move(reply));
  }
  void start_stream(Reply head) override {
    finish_(head, elapsed_s());
    inner_->start_stream(std::move(head));
  }
  void write(std::string piece) override { inner_->write(std::move(piece)); }
  void finish_stream() override { inner_->finish_stream(); }
  std::stop_token client_gone() const override { return inner_->client_gone(); }

 private:
  double elapsed_s() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  std::shared_ptr<Responder> inner_;
  Finish finish_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Collects a small body, then acts.
class SmallBody : public BodyReader {
 public:
  explicit SmallBody(std::function<void(const std::string&)> action) : action_(std::move(action)) {}

  void data(std::string_view piece) override {
    body_ += piece;
    if (body_.size() > kMaxSmallBody) throw HttpError(413, "too_large", "the body is too large");
  }
  void end() override { action_(body_); }

 private:
  std::function<void(const std::string&)> action_;
  std::string body_;
};

}  // namespace

/// What every answer passes, also one that comes when the rest has gone.
struct ServeApp::Desk {
  Access access;
  Metrics metrics;

  void pass(const RequestHead* head, std::string_view route, Reply& reply, double seconds) {
    metrics.count(route, reply.status, seconds);
    access.add_headers(head, reply);
  }
};

struct ServeApp::Route {
  using Begin = std::unique_ptr<BodyReader> (*)(ServeApp&, const RequestHead&, const std::string& argument,
                                                const Answer&);
  std::string_view method, path;  ///< "{id}" at the end of a path takes what is there
  bool needs_key;
  Begin begin;
};

namespace {

/// A route whose answer needs no body.
template <class Make>
std::unique_ptr<BodyReader> answer_at_end(const std::shared_ptr<Responder>& answer, Make make) {
  return std::make_unique<SmallBody>([answer, make](const std::string&) { answer->send(make()); });
}

}  // namespace

std::span<const ServeApp::Route> ServeApp::routes() {
  using Head = const RequestHead&;
  using Id = const std::string&;
  static const std::array kRoutes = {
      Route{
          "POST", "/v1/captions", true,
          [](ServeApp& app, Head head, Id, const Answer& answer) { return app.post_captions(head, answer); }},
      Route{"POST", "/v1/jobs", true,
            [](ServeApp& app, Head head, Id, const Answer& answer) { return app.post_jobs(head, answer); }},
      Route{"GET", "/v1/jobs/{id}", true,
            [](ServeApp& app, Head head, Id id, const Answer& answer) {
              return answer_at_end(answer, [&app, id, format = head.query_value("response_format")] {
                return app.jobs_.show(id, format);
              });
            }},
      Route{"DELETE", "/v1/jobs/{id}", true,
            [](ServeApp& app, Head, Id id, const Answer& answer) {
              return answer_at_end(answer, [&app, id] { return app.jobs_.remove(id); });
            }},
      Route{"POST", "/v1/tag-captions", true,
            [](ServeApp& app, Head head, Id, const Answer& answer) {
              return app.post_tag_captions(head, answer);
            }},
      Route{"GET", "/v1/models", true,
            [](ServeApp& app, Head, Id, const Answer& answer) {
              return answer_at_end(answer, [&app] { return app.get_models(); });
            }},
      Route{"GET", "/health", false,
            [](ServeApp&, Head, Id, const Answer& answer) {
              return answer_at_end(answer, [] { return json_reply({{"status", "ok"}}); });
            }},
      Route{"GET", "/ready", false,
            [](ServeApp& app, Head, Id, const Answer& answer) {
              return answer_at_end(answer, [&app] {
                app.require_open();
                return json_reply({{"status", "ready"}});
              });
            }},
      Route{"GET", "/metrics", false,
            [](ServeApp& app, Head, Id, const Answer& answer) {
              return answer_at_end(answer, [&app] { return app.get_metrics(); });
            }},
      Route{"GET", "/openapi.json", false,
            [](ServeApp& app, Head, Id, const Answer& answer) {
              return answer_at_end(answer, [&app] {
                Reply reply;
                reply.content_type = "application/json";
                reply.body = app.openapi_;
                return reply;
              });
            }},
  };
  return kRoutes;
}

ServeApp::RouteMatch ServeApp::match(const RequestHead& head) {
  RouteMatch found;
  const std::string_view method = head.method == "HEAD" ? "GET" : std::string_view(head.method);
  for (const Route& route : routes()) {
    const std::size_t variable = route.path.find("{id}");
    std::string argument;
    if (variable == std::string_view::npos) {
      if (head.path != route.path) continue;
    } else {
      const std::string_view path = head.path;
      if (!path.starts_with(route.path.substr(0, variable)) || path.size() == variable) continue;
      argument = path.substr(variable);
      if (argument.find('/') != std::string::npos) continue;
    }
    found.methods += found.methods.empty() ? "" : ", ";
    found.methods += route.method == "GET" ? "GET, HEAD" : route.method;
    if (route.method != method) continue;
    found.route = &route;
    found.argument = std::move(argument);
  }
  return found;
}

std::string_view ServeApp::route_name(const RequestHead& head) {
  const RouteMatch found = match(head);
  if (found.route != nullptr) return found.route->path;
  return found.methods.empty() ? "page" : "wrong_method";
}

ServeApp::ServeApp(CaptionService& service, ServeSetup setup)
    : service_(service),
      setup_(std::move(setup)),
      desk_(new Desk{Access(access_options(setup_)), {}}),
      media_root_(setup_.options.media_root.empty() ? nullptr
                                                    : std::make_unique<MediaRoot>(setup_.options.media_root)),
      bodies_{service, std::make_shared<UploadSpace>(upload_bytes(setup_.options) * kUploadsTogether),
              temp_folder(setup_.options), upload_bytes(setup_.options), media_root_.get()},
      jobs_(service, {static_cast<std::size_t>(setup_.options.max_jobs), setup_.options.job_ttl_s,
                      setup_.options.max_duration_s}),
      openapi_(openapi_document(service, setup_.options, !setup_.keys.empty(), setup_.version)) {
  const Upload probe(bodies_.temp_folder, bodies_.space, 1);  // fails now rather than at the first request
}

ServeApp::~ServeApp() {
  service_.stop();  // its callbacks are ours
}

std::unique_ptr<BodyReader> ServeApp::begin(const RequestHead& head, std::shared_ptr<Responder> responder) {
  const RouteMatch found = match(head);
  desk_->access.check(head, found.route != nullptr && found.route->needs_key);
  const auto finish = [desk = desk_, head, route = std::string(route_name(head))](
                          Reply& reply, double seconds) { desk->pass(&head, route, reply, seconds); };
  const auto answer = std::make_shared<MeteredResponder>(std::move(responder), finish);
  if (head.method == "OPTIONS")
    return answer_at_end(answer, [this, head, methods = found.methods] {
      return desk_->access.preflight(head, (methods.empty() ? "GET, HEAD" : methods) + ", OPTIONS");
    });
  if (found.route != nullptr) return found.route->begin(*this, head, found.argument, answer);
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (!found.methods.empty() || !reads) {
    throw HttpError(405, "invalid_argument", "there is no such method here",
                    {{"Allow", (found.methods.empty() ? "GET, HEAD" : found.methods) + ", OPTIONS"}});
  }
  return answer_at_end(answer, [this, head] { return get_page(head); });
}

Reply ServeApp::error_answer(const RequestHead* head, const std::exception& error) {
  Reply reply = error_reply(error);
  desk_->pass(head, head != nullptr ? route_name(*head) : "unreadable", reply, 0);
  return reply;
}

void ServeApp::require_open() const {
  if (draining_) throw HttpError(503, "unavailable", "the server is shutting down", {{"Retry-After", "10"}});
}

/// Before an upload is read: a full queue says so at once.
void ServeApp::require_room() const {
  if (service_.load().requests >= static_cast<std::size_t>(setup_.options.max_queue)) throw queue_full();
}

std::unique_ptr<BodyReader> ServeApp::post_captions(const RequestHead& head, const Answer& answer) {
  require_open();
  require_room();
  const bool streams = wants_event_stream(head.header("accept"));
  return std::make_unique<CaptionBody>(head, bodies_, [this, answer, streams](CaptionCall&& call) {
    const double max_duration_s = setup_.options.max_duration_s;
    if (streams) {
      stream_captions(service_, std::move(call), max_duration_s, answer);
    } else {
      answer_with_captions(service_, std::move(call), max_duration_s, answer);
    }
  });
}

std::unique_ptr<BodyReader> ServeApp::post_jobs(const RequestHead& head, const Answer& answer) {
  require_open();
  require_room();
  return std::make_unique<CaptionBody>(
      head, bodies_, [this, answer](CaptionCall&& call) { answer->send(jobs_.create(std::move(call))); });
}

std::unique_ptr<BodyReader> ServeApp::post_tag_captions(const RequestHead& head, const Answer& answer) {
  require_open();
  if (media_type_of(head.header("content-type")) != "application/json")
    throw HttpError(415, "unsupported", "expected a body of application/json");
  return std::make_unique<SmallBody>([this, answer](const std::string& text) {
    const auto body = nlohmann::json::parse(text, nullptr, false);
    if (body.is_discarded()) throw HttpError(400, "invalid_argument", "body: expected JSON");
    if (!setup_.tag_captioning) {
      throw HttpError(503, "unavailable", "this server has no language model: " + setup_.no_tag_captioning);
    }
    setup_.tag_captioning->answer(body, answer);
  });
}

Reply ServeApp::get_models() const {
  Json generation = Json::object();
  GenerationOptions options = service_.default_generation();
  visit(options, [&](std::string_view name, auto& value, std::string_view) {
    std::string key(name);
    std::replace(key.begin(), key.end(), '-', '_');
    generation[key] = value;
  });
  const Json model = {{"id", service_.model_name()},
                      {"dtype", service_.dtype()},
                      {"segment_duration_s", service_.segment_duration_s()},
                      {"has_vocabulary", service_.has_vocabulary()},
                      {"generation", generation}};
  Json language_model;
  if (setup_.tag_captioning) {
    language_model = {{"name", setup_.tag_captioning->name()}, {"kind", setup_.tag_captioning->kind()}};
  }
  const Json limits = {{"max_upload_mb", setup_.options.max_upload_mb},
                       {"max_duration_s", setup_.options.max_duration_s}};
  return json_reply({{"default", service_.model_name()},
                     {"models", Json::array({model})},
                     {"language_model", language_model},
                     {"limits", limits}});
}

Reply ServeApp::get_metrics() const {
  MetricsGauges gauges;
  gauges.load = service_.load();
  gauges.max_queue = setup_.options.max_queue;
  gauges.connections = connections_ ? connections_() : 0;
  gauges.jobs = jobs_.size();
  gauges.upload_bytes = bodies_.space->used();
  gauges.version = setup_.version;
  gauges.model = service_.model_name();
  gauges.dtype = service_.dtype();
  Reply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = desk_->metrics.text(gauges);
  return reply;
}

Reply ServeApp::get_page(const RequestHead& head) const {
  const std::string_view wanted = head.path == "/" ? "/index.html" : std::string_view(head.path);
  Reply reply;
  for (const PageAsset& asset : page_assets()) {
    if (asset.path != wanted) continue;
    reply.headers.emplace_back("ETag", std::string(asset.etag));
    reply.headers.emplace_back("Cache-Control",
                               asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (head.header("if-none-match") == asset.etag) {
      reply.status = 304;
      return reply;
    }
    reply.content_type = asset.content_type;
    reply.body = asset.bytes;
    return reply;
  }
  if (wanted != "/index.html") throw HttpError(404, "not_found", "there is nothing at this address");
  reply.content_type = "text/html; charset=utf-8";
  reply.body = kNoPage;
  return reply;
}

}  // namespace lpmc
