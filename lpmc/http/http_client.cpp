#include "lpmc/http/http_client.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>

#include <curl/curl.h>
#include <signal.h>

#include "lpmc/base/error.h"
#include "lpmc/http/transfer.h"

namespace lpmc {
namespace {

constexpr int kIdleWait_ms = 60'000;
constexpr int kBusyWait_ms = 1'000;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

void start_libcurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  LPMC_REQUIRE(started == CURLE_OK, unsupported, "libcurl does not start: {}", curl_easy_strerror(started));
}

/// Ctrl-C belongs to the program's own threads, and a peer that hangs up must not end the process.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct HttpClient::Impl {
  struct Waiting {
    HttpRequest request;
    Done done;
    std::optional<Origin> origin;
  };
  struct Host {
    std::deque<Waiting> waiting;
    int active = 0;
  };
  struct Active {
    std::unique_ptr<Transfer> transfer;
    Done done;
    std::map<std::string, Host>::iterator host;
  };

  explicit Impl(const HttpClientOptions& given) : options(given) {
    start_libcurl();
    options.max_connections = std::max(1, options.max_connections);
    if (options.max_connections_per_host <= 0) options.max_connections_per_host = options.max_connections;
    multi.reset(curl_multi_init());
    if (!multi) throw std::bad_alloc();
    const long connections = options.max_connections;
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, connections);
    curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    curl_multi_setopt(multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS, long{options.max_connections_per_host});
    curl_multi_setopt(multi.get(), CURLMOPT_MAX_CONCURRENT_STREAMS, connections);
    thread = std::thread([this] {
      block_signals();
      run();
    });
    thread_id = thread.get_id();
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      cancelling = true;
    }
    curl_multi_wakeup(multi.get());
    thread.join();
  }

  void enqueue(Waiting waiting);
  void cancel();
  void run();
  bool take_commands();
  void start_waiting();
  void start(std::map<std::string, Host>::iterator host);
  bool read_results();
  void end(CURL* handle, CURLcode result);
  void cancel_everything();
  void answer(Done done, HttpResponse&& response);
  bool nothing_left() const { return hosts.empty(); }

  HttpClientOptions options;
  std::unique_ptr<CURLM, FreeMulti> multi;
  std::atomic<std::size_t> in_flight{0};

  std::mutex mutex;  // guards the next three
  std::vector<Waiting> incoming;
  bool stopping = false;
  bool cancelling = false;

  // Of the client's thread alone.
  std::map<std::string, Host> hosts;  // by origin
  std::unordered_map<CURL*, Active> active;
  std::vector<std::unique_ptr<Transfer>> spare;
  bool ending = false;

  std::thread thread;
  std::thread::id thread_id;
};

void HttpClient::Impl::enqueue(Waiting waiting) {
  in_flight.fetch_add(1, std::memory_order_relaxed);
  bool first = false;
  {
    const std::lock_guard lock(mutex);
    first = incoming.empty();
    incoming.push_back(std::move(waiting));
  }
  // The client's own thread looks at the queue before it sleeps; of other threads' the first wakes it.
  if (first && std::this_thread::get_id() != thread_id) curl_multi_wakeup(multi.get());
}

void HttpClient::Impl::cancel() {
  {
    const std::lock_guard lock(mutex);
    cancelling = true;
  }
  curl_multi_wakeup(multi.get());
}

void HttpClient::Impl::run() {
  for (;;) {
    const bool news = take_commands();
    start_waiting();
    if (ending && !news && nothing_left()) return;
    int running = 0;
    curl_multi_perform(multi.get(), &running);
    if (read_results()) continue;  // there is room for those who wait
    {
      const std::lock_guard lock(mutex);
      if (!incoming.empty() || cancelling || (stopping && hosts.empty())) {
        ending = stopping;
        continue;
      }
    }
    curl_multi_poll(multi.get(), nullptr, 0, active.empty() ? kIdleWait_ms : kBusyWait_ms, nullptr);
  }
}

/// @return whether there were any
bool HttpClient::Impl::take_commands() {
  std::vector<Waiting> fresh;
  bool cancel_now = false;
  {
    const std::lock_guard lock(mutex);
    fresh.swap(incoming);
    cancel_now = std::exchange(cancelling, false) || stopping;
    ending = stopping;
  }
  for (Waiting& waiting : fresh) {
    Host& host = hosts[waiting.origin ? waiting.origin->name : std::string()];
    host.waiting.push_back(std::move(waiting));
  }
  if (cancel_now) cancel_everything();
  return !fresh.empty();
}

/// One of each host in turn, so that none keeps the others from their share.
void HttpClient::Impl::start_waiting() {
  bool progress = true;
  while (progress) {
    progress = false;
    for (auto host = hosts.begin(); host != hosts.end();) {
      const auto next = std::next(host);
      if (!host->second.waiting.empty() && host->second.active < options.max_connections_per_host &&
          active.size() < static_cast<std::size_t>(options.max_connections)) {
        start(host);
        progress = true;
      } else if (host->second.waiting.empty() && host->second.active == 0) {
        hosts.erase(host);
      }
      host = next;
    }
  }
}

void HttpClient::Impl::start(std::map<std::string, Host>::iterator host) {
  Waiting waiting = std::move(host->second.waiting.front());
  host->second.waiting.pop_front();
  std::unique_ptr<Transfer> transfer;
  if (spare.empty()) {
    transfer = std::make_unique<Transfer>();
  } else {
    transfer = std::move(spare.back());
    spare.pop_back();
  }
  std::optional<std::string> refused = "the URL is not one for http or https";
  if (waiting.origin) refused = transfer->begin(std::move(waiting.request), *waiting.origin, options);
  if (refused) {
    HttpResponse response = transfer->abandon(HttpFailure::bad_url, *refused);
    spare.push_back(std::move(transfer));
    answer(std::move(waiting.done), std::move(response));
    return;
  }
  CURL* const handle = transfer->handle();
  const CURLMcode added = curl_multi_add_handle(multi.get(), handle);
  if (added != CURLM_OK) {
    HttpResponse response = transfer->abandon(HttpFailure::broken, curl_multi_strerror(added));
    answer(std::move(waiting.done), std::move(response));
    return;
  }
  ++host->second.active;
  active.emplace(handle, Active{std::move(transfer), std::move(waiting.done), host});
}

/// @return whether any exchange ended
bool HttpClient::Impl::read_results() {
  int left = 0;
  bool any = false;
  while (const CURLMsg* const message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    end(message->easy_handle, message->data.result);
    any = true;
  }
  return any;
}

void HttpClient::Impl::end(CURL* handle, CURLcode result) {
  curl_multi_remove_handle(multi.get(), handle);
  const auto found = active.find(handle);
  Active ended = std::move(found->second);
  active.erase(found);
  --ended.host->second.active;
  HttpResponse response = ended.transfer->finish(result);
  spare.push_back(std::move(ended.transfer));
  answer(std::move(ended.done), std::move(response));
}

void HttpClient::Impl::cancel_everything() {
  std::vector<Active> stopped;
  for (auto& [handle, exchange] : active) {
    curl_multi_remove_handle(multi.get(), handle);
    stopped.push_back(std::move(exchange));
  }
  active.clear();
  std::vector<Waiting> never_started;
  for (auto& [name, host] : hosts) {
    std::move(host.waiting.begin(), host.waiting.end(), std::back_inserter(never_started));
  }
  hosts.clear();
  for (Active& exchange : stopped) {
    HttpResponse response = exchange.transfer->abandon(HttpFailure::cancelled, "cancelled");
    spare.push_back(std::move(exchange.transfer));
    answer(std::move(exchange.done), std::move(response));
  }
  for (Waiting& waiting : never_started) {
    HttpResponse response;
    response.failure = HttpFailure::cancelled;
    response.failure_text = "cancelled before it was sent";
    answer(std::move(waiting.done), std::move(response));
  }
}

void HttpClient::Impl::answer(Done done, HttpResponse&& response) {
  done(std::move(response));
  done = nullptr;  // what it holds goes before the count says that nothing is left
  in_flight.fetch_sub(1, std::memory_order_release);
}

HttpClient::HttpClient(const HttpClientOptions& options) : impl_(std::make_unique<Impl>(options)) {}

HttpClient::~HttpClient() = default;

void HttpClient::send(HttpRequest request, Done done) {
  std::optional<Origin> origin = find_origin(request.url);
  impl_->enqueue({std::move(request), std::move(done), std::move(origin)});
}

HttpResponse HttpClient::fetch(HttpRequest request) {
  // Shared with the callback: the waiting thread may be gone before set_value has returned.
  const auto promise = std::make_shared<std::promise<HttpResponse>>();
  std::future<HttpResponse> future = promise->get_future();
  send(std::move(request), [promise](HttpResponse&& response) { promise->set_value(std::move(response)); });
  return future.get();
}

std::size_t HttpClient::in_flight() const {
  return impl_->in_flight.load(std::memory_order_acquire);
}

void HttpClient::cancel_all() {
  impl_->cancel();
}

std::optional<std::string_view> HttpResponse::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return std::nullopt;
}

}  // namespace lpmc
