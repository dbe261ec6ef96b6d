#include "lpmc/server/jobs.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/rand.h>

#include "lpmc/base/error.h"
#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

/// 128 random bits: nobody finds another's job by guessing.
std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  LPMC_REQUIRE(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, io, "no random numbers");
  std::string id;
  for (const unsigned char byte : bytes)
    id += fmt::format("{:02x}", byte);
  return id;
}

Reply json_reply(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.content_type = "application/json";
  reply.body = std::move(body);
  return reply;
}

}  // namespace

HttpError queue_full() {
  return {429, "queue_full", "all places are taken; try again in a moment", {{"Retry-After", "2"}}};
}

JobTable::~JobTable() {
  std::vector<std::shared_ptr<Job>> open;
  {
    const std::lock_guard lock(guarded_->mutex);
    for (const auto& [id, job] : guarded_->jobs)
      open.push_back(job);
    guarded_->jobs.clear();
  }
  for (const auto& job : open)
    job->stop.request_stop();
}

CaptionRequest JobTable::request_of(const std::shared_ptr<Job>& job, CaptionCall&& call) {
  CaptionRequest request;
  request.file = call.path;
  request.shown_name = call.file_name;
  request.options = call.wish.caption;
  request.generation = call.wish.generation;
  request.max_duration_s = options_.max_duration_s;
  request.stop = job->stop.get_token();
  request.on_start = [guarded = guarded_, job](double) {
    const std::lock_guard lock(guarded->mutex);
    job->state = State::running;
  };
  request.on_progress = [guarded = guarded_, job](const RequestProgress& progress) {
    const std::lock_guard lock(guarded->mutex);
    job->progress = progress;
  };
  request.on_done = [guarded = guarded_, job, file = std::move(call.file)](FileCaptions&& captions) {
    const std::lock_guard lock(guarded->mutex);
    const bool cancelled = captions.failure && captions.failure->kind == ErrorKind::cancelled;
    job->state = cancelled ? State::cancelled : captions.failure ? State::failed : State::done;
    job->captions = std::move(captions);
    job->ended = std::chrono::steady_clock::now();
  };
  return request;
}

Reply JobTable::create(CaptionCall&& call) {
  const std::string id = random_id();
  const auto job = std::make_shared<Job>();
  job->wish = call.wish;
  {
    const std::lock_guard lock(guarded_->mutex);
    expire();
    if (guarded_->jobs.size() >= options_.max_jobs) throw queue_full();
    guarded_->jobs.emplace(id, job);
  }
  if (!service_.submit(request_of(job, std::move(call)))) {
    const std::lock_guard lock(guarded_->mutex);
    guarded_->jobs.erase(id);
    throw queue_full();
  }
  const nlohmann::ordered_json json = {{"id", id}, {"status", "queued"}, {"url", "/v1/jobs/" + id}};
  Reply reply = json_reply(202, json.dump() + "\n");
  reply.headers.emplace_back("Location", "/v1/jobs/" + id);
  return reply;
}

/// @pre the mutex is held
void JobTable::expire() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(guarded_->jobs, [&](const auto& entry) {
    const auto& ended = entry.second->ended;
    return ended && std::chrono::duration<double>(now - *ended).count() > options_.ttl_s;
  });
}

/// @pre the mutex is held
std::shared_ptr<JobTable::Job> JobTable::find(std::string_view id) {
  expire();
  const auto found = guarded_->jobs.find(id);
  if (found == guarded_->jobs.end())
    throw HttpError(404, "not_found", "there is no such job: never made, forgotten, or expired");
  return found->second;
}

Reply JobTable::show(std::string_view id, const std::string& format) {
  static constexpr std::array kNames = {"queued", "running", "done", "failed", "cancelled"};
  const std::lock_guard lock(guarded_->mutex);
  const std::shared_ptr<Job> job = find(id);
  if (!format.empty()) {
    const CaptionFormat wanted = parse_response_format(format);
    if (job->state != State::done) {
      throw HttpError(409, "not_done",
                      fmt::format("the job is {}", kNames.at(static_cast<std::size_t>(job->state))));
    }
    Reply reply = json_reply(200, caption_document(job->captions, wanted, job->wish.format_options));
    reply.content_type = content_type_of(wanted);
    return reply;
  }
  const nlohmann::ordered_json progress = {{"audio_s_done", job->progress.audio_s_done},
                                           {"audio_s_known", job->progress.audio_s_known}};
  std::string body = fmt::format(R"({{"id":"{}","status":"{}","progress":{})", id,
                                 kNames.at(static_cast<std::size_t>(job->state)), progress.dump());
  if (job->state == State::done) {
    std::string result = caption_document(job->captions, CaptionFormat::jsonl, job->wish.format_options);
    while (result.ends_with('\n'))
      result.pop_back();
    body += ",\"result\":" + result;
  } else if (job->captions.failure) {
    body += "," + error_json(*job->captions.failure).substr(1);  // "error": {...}}
    return json_reply(200, body + "\n");
  }
  return json_reply(200, body + "}\n");
}

Reply JobTable::remove(std::string_view id) {
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock(guarded_->mutex);
    job = find(id);
    guarded_->jobs.erase(std::string(id));
  }
  job->stop.request_stop();
  Reply reply;
  reply.status = 204;
  return reply;
}

std::size_t JobTable::size() const {
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->jobs.size();
}

}  // namespace lpmc
