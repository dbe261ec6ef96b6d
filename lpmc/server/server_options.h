#pragma once

#include <string>

namespace lpmc {

/// What `lpmc serve` takes beside its model and language model. Names and help of its flags.
struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string media_root;
  std::string allow_origin;
  std::string allow_host;
  bool insecure = false;
  int max_upload_mb = 200;
  double max_duration_s = 36000;
  int max_queue = 64;
  int max_jobs = 256;
  double job_ttl_s = 3600;
  int max_clients = 2048;
  double timeout_s = 3600;
  double drain_s = 30;
  int io_threads = 2;
  int batch_size = 0;
  std::string temp_dir;
};

template <class Field>
void visit(ServerOptions& o, Field&& field) {
  field("host", o.host, "address to listen on; other than this machine's own it needs --api-key-file");
  field("port", o.port, "port to listen on; 0 = a free one");
  field("media-root", o.media_root, "a folder whose files requests may name instead of uploading them");
  field("allow-origin", o.allow_origin,
        "pages of these origins may use the API from a browser (https://a.example,https://b.example, or *)");
  field("allow-host", o.allow_host,
        "names, separated by commas, by which this server may be called, beside its address");
  field("insecure", o.insecure, "listen on other than this machine's own addresses without keys");
  field("max-upload-mb", o.max_upload_mb, "largest upload, in MiB");
  field("max-duration", o.max_duration_s, "most seconds of a file that are captioned; 0 = no limit");
  field("max-queue", o.max_queue, "files in work at once; more are answered 429");
  field("max-jobs", o.max_jobs, "jobs kept, the done ones included");
  field("job-ttl", o.job_ttl_s, "seconds that the result of a job is kept");
  field("max-clients", o.max_clients, "connections at once; idle ones make room for new ones");
  field("timeout", o.timeout_s, "seconds that one request may take");
  field("drain-seconds", o.drain_s, "after SIGTERM, seconds for what is in work to come to its end");
  field("io-threads", o.io_threads, "threads that read and write");
  field("batch-size", o.batch_size, "segments decoded together; 0 = chosen for this machine");
  field("temp-dir", o.temp_dir, "where uploads lie while they are captioned; default: TMPDIR or /tmp");
}

/// @throws Error(invalid_argument) naming the first option that makes no sense
void validate(const ServerOptions& options);

}  // namespace lpmc
