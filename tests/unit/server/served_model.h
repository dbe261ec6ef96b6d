#pragma once

// A server over a tiny random model.

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "lpmc/captioning/caption_service.h"
#include "lpmc/model/model_dir.h"
#include "lpmc/server/http_server.h"
#include "lpmc/server/serve_app.h"

#include "tests/support/fixtures.h"
#include "tests/support/wav.h"
#include "tests/unit/server/raw_client.h"

namespace lpmc::test {

struct ServedModelOptions {
  ServerOptions server = {};
  HttpServerOptions http = {};
  BearerKeys keys = {};
};

class ServedModel {
 public:
  explicit ServedModel(ServedModelOptions options = {}) {
    Model model;
    model.config = preset_config("tiny");
    model.weights = random_weights(model.config, 1);
    model.generation_config = {{"num_beams", 2}, {"max_length", 12}};
    write_model_folder(folder_ / "m", model, DType::f32, false);
    std::filesystem::create_directory(folder_ / "uploads");
    CaptionServiceOptions service;
    service.model = (folder_ / "m").string();
    service.shown_model = "m";
    service.max_requests = options.server.max_queue;
    service_.emplace(service);
    ServeSetup setup;
    setup.options = options.server;
    setup.options.temp_dir = (folder_ / "uploads").string();
    setup.keys = options.keys;
    setup.version = "test";
    app_.emplace(*service_, std::move(setup));
    options.http.port = 0;
    server_.emplace(options.http, *app_);
  }
  ~ServedModel() { server_->stop(); }
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;

  int port() const { return server_->port(); }
  ServeApp& app() { return *app_; }
  const HttpServer& server() const { return *server_; }
  const CaptionService& service() const { return *service_; }
  const TemporaryFolder& folder() const { return folder_; }

  /// Sends a whole request and reads the whole answer.
  std::string ask(std::string_view bytes) const {
    const RawClient client(port());
    client.send(bytes);
    return client.read_all();
  }

  /// A request with a body, and the answer to it.
  std::string post(const std::string& path, const std::string& type, const std::string& body,
                   const std::string& more_headers = "") const {
    return ask("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: " + type +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more_headers + "\r\n" + body);
  }

  std::string get(const std::string& path, const std::string& more_headers = "",
                  const std::string& method = "GET") const {
    return ask(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more_headers +
               "\r\n");
  }

  /// The bytes of a recording.
  std::string recording(double seconds) const {
    write_wav(folder_ / "recording.wav", chord_int16(seconds));
    return read_file(folder_ / "recording.wav");
  }

  /// True when no upload is left where uploads lie.
  bool uploads_are_gone() const { return std::filesystem::is_empty(folder_ / "uploads"); }

 private:
  TemporaryFolder folder_;
  std::optional<CaptionService> service_;
  std::optional<ServeApp> app_;
  std::optional<HttpServer> server_;
};

inline constexpr const char* kFormType = "multipart/form-data; boundary=XX";

inline std::string form_field(const std::string& name, const std::string& value) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

inline std::string form_file(const std::string& name, const std::string& file_name,
                             const std::string& bytes) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + file_name +
         "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes + "\r\n";
}

inline const std::string kFormEnd = "--XX--\r\n";

}  // namespace lpmc::test
