#include "lpmc/captioning/benchmark_files.h"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <numbers>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/benchmark_timing.h"
#include "lpmc/model/model_card.h"

namespace lpmc {
namespace {

/// A zombie has no such line, and gives 0.
std::size_t resident_high_water(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  std::string word;
  while (status >> word) {
    std::size_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes << 10;
  }
  return 0;
}

pid_t start(const std::vector<std::string>& argv) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t process = 0;
  const int error = ::posix_spawn(&process, arguments.front(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  LPMC_REQUIRE(error == 0, io, "{}: could not be started (error {})", argv.front(), error);
  return process;
}

void put(std::string& bytes, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i)
    bytes += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

/// The 44 bytes before the samples of a mono 16-bit WAV file.
std::string wav_header(std::uint32_t sample_rate, std::uint32_t data_bytes) {
  std::string header = "RIFF";
  put(header, 36 + data_bytes, 4);
  header += "WAVEfmt ";
  put(header, 16, 4);
  put(header, 1, 2);  // PCM
  put(header, 1, 2);  // channel
  put(header, sample_rate, 4);
  put(header, sample_rate * 2, 4);
  put(header, 2, 2);
  put(header, 16, 2);
  header += "data";
  put(header, data_bytes, 4);
  return header;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "lpmc-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail_errno(name, errno);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_chords(const std::filesystem::path& file, double duration_s, int sample_rate) {
  const auto samples = static_cast<std::uint32_t>(duration_s * sample_rate);
  std::string bytes = wav_header(static_cast<std::uint32_t>(sample_rate), 2 * samples);
  for (std::uint32_t i = 0; i < samples; ++i) {
    const double time_s = static_cast<double>(i) / sample_rate;
    const double pitch = 220 * std::exp2(std::floor(time_s / 3) * 5 / 12 - std::floor(time_s / 8));
    const double phase = 2 * std::numbers::pi * pitch * time_s;
    const double x = std::sin(phase) + std::sin(1.26 * phase) + std::sin(1.5 * phase);
    put(bytes, static_cast<std::uint16_t>(std::lround(6000 * x)), 2);
  }
  std::ofstream out(file, std::ios::binary);
  out << bytes;
  out.close();
  LPMC_REQUIRE(out.good(), io, "{}: could not be written", display_path(file));
}

std::size_t peak_resident_bytes(const std::vector<std::string>& argv) {
  LPMC_REQUIRE(!argv.empty(), invalid_argument, "argv: expected a program, found nothing");
  const pid_t process = start(argv);
  std::size_t peak = 0;
  int status = 0;
  // posix_spawn returns once the new program is there, so that what is read is not this one's.
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (const std::size_t now = resident_high_water(process); now > 0) peak = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  LPMC_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0, io, "{}: expected it to end well, found {}",
               argv.front(), WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return peak;
}

StageFigure benchmark_memory(const MemoryRun& run, const BenchmarkOptions& options,
                             const std::filesystem::path& scratch) {
  constexpr int kSegments = 18;
  const std::filesystem::path sound = scratch / "chords.wav";
  write_chords(sound, kSegments * run.config.duration_s, run.config.mel.sample_rate);
  const std::string length = std::to_string(options.new_tokens + 1);
  std::vector<std::string> argv = {run.program, "caption", sound.string(), "-q",     "--tokens",
                                   "--format",  "json",    "--model",      run.model};
  const auto add = [&](const char* flag, const std::string& value) {
    argv.emplace_back(flag);
    argv.push_back(value);
  };
  if (!run.tokenizer.empty()) add("--tokenizer", run.tokenizer);
  add("--dtype", std::string(arithmetic_name(run.arithmetic)));
  add("--threads", std::to_string(num_threads()));
  add("--batch-size", std::to_string(kSegments));
  add("--num-beams", std::to_string(options.num_beams));
  add("--min-length", length);
  add("--max-length", length);
  StageFigure figure;
  figure.stage = "lpmc caption";
  figure.arithmetic = run.arithmetic;
  figure.size = kSegments;
  figure.unit = "segments";
  figure.repeats = 1;
  figure.best_s = figure.median_s =
      detail::time_s([&] { figure.peak_resident_bytes = peak_resident_bytes(argv); });
  figure.x_real_time = kSegments * run.config.duration_s / figure.best_s;
  return figure;
}

}  // namespace lpmc
