#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/server/exchange.h"
#include "lpmc/server/serve_app.h"
#include "lpmc/tag_to_caption/ask_tags.h"

namespace lpmc {

/// POST /v1/tag-captions, with one language model that the server was started with.
class TagCaptionApi : public TagCaptioning {
 public:
  /// @param name, kind as GET /v1/models tells them: "SmolLM2-...", "local"
  TagCaptionApi(TagAsker asker, std::string name, std::string kind)
      : asker_(std::move(asker)), name_(std::move(name)), kind_(std::move(kind)) {}

  const std::string& name() const override { return name_; }
  const std::string& kind() const override { return kind_; }
  void answer(const nlohmann::json& body, std::shared_ptr<Responder> responder) override;

 private:
  TagAsker asker_;
  std::string name_, kind_;
  const std::shared_ptr<std::atomic<int>> in_flight_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace lpmc
