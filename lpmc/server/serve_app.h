#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lpmc/captioning/caption_service.h"
#include "lpmc/server/access.h"
#include "lpmc/server/caption_body.h"
#include "lpmc/server/exchange.h"
#include "lpmc/server/jobs.h"
#include "lpmc/server/media_root.h"
#include "lpmc/server/server_options.h"

namespace lpmc {

/// Tags to captions, where the server has a language model.
class TagCaptioning {
 public:
  virtual ~TagCaptioning() = default;
  TagCaptioning() = default;
  TagCaptioning(const TagCaptioning&) = delete;
  TagCaptioning& operator=(const TagCaptioning&) = delete;

  virtual const std::string& name() const = 0;
  virtual const std::string& kind() const = 0;
  /// @param body of the request   @throws what is wrong with it
  virtual void answer(const nlohmann::json& body, std::shared_ptr<Responder> responder) = 0;
};

struct ServeSetup {
  ServerOptions options;
  BearerKeys keys;
  std::string version;                            ///< of the program, for /metrics and /openapi.json
  std::shared_ptr<TagCaptioning> tag_captioning;  ///< null: none
  std::string no_tag_captioning;                  ///< why there is none, for people
};

/// The API and the page: everything behind HTTP. /openapi.json describes it; docs/SERVER.md is for people.
class ServeApp : public RequestHandler {
 public:
  /// @param service must live longer; it is stopped with this
  /// @throws Error(not_found, invalid_argument, io) for a media or temporary folder that is none
  ServeApp(CaptionService& service, ServeSetup setup);
  ~ServeApp() override;

  std::unique_ptr<BodyReader> begin(const RequestHead& head, std::shared_ptr<Responder> responder) override;
  Reply error_answer(const RequestHead* head, const std::exception& error) override;

  /// From now on /ready says 503, and so does everything that would begin new work.
  void drain() { draining_ = true; }
  /// For /metrics.
  void set_connections(std::function<std::size_t()> count) { connections_ = std::move(count); }

 private:
  using Answer = std::shared_ptr<Responder>;
  struct Route;
  struct RouteMatch {
    const Route* route = nullptr;
    std::string argument;  ///< of "/v1/jobs/{id}"
    std::string methods;   ///< that the path has, where there is one: "GET, HEAD, DELETE"
  };

  static std::span<const Route> routes();
  static RouteMatch match(const RequestHead& head);
  static std::string_view route_name(const RequestHead& head);

  std::unique_ptr<BodyReader> post_captions(const RequestHead& head, const Answer& answer);
  std::unique_ptr<BodyReader> post_jobs(const RequestHead& head, const Answer& answer);
  std::unique_ptr<BodyReader> post_tag_captions(const RequestHead& head, const Answer& answer);
  Reply get_models() const;
  Reply get_metrics() const;
  Reply get_page(const RequestHead& head) const;
  void require_open() const;
  void require_room() const;

  CaptionService& service_;
  const ServeSetup setup_;
  struct Desk;
  const std::shared_ptr<Desk> desk_;
  std::unique_ptr<MediaRoot> media_root_;
  BodyContext bodies_;
  JobTable jobs_;
  std::string openapi_;
  std::atomic<bool> draining_ = false;
  std::function<std::size_t()> connections_;
};

}  // namespace lpmc
