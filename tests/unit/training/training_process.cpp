// One process of a small training run, started several times over by distributed_test.
//
// usage: training_process MODE OUT     with the environment of a launcher
//   float32, float64   writes the gradients of one step over the global batch
//   empty              the same with fewer samples than processes
//   sums               writes all_reduce_sum, broadcast and barrier results
//   lost, stopped, announced   one process ends, stands still, or gives up with a reason; the others
//                      write their error
// exit: 0 as it should be, 3 with an lpmc::Error in OUT

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include <ATen/core/ivalue.h>  // before torch.h, as in distributed.h
#include <torch/torch.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/training/distributed.h"

namespace {

using lpmc::GradientReducer;
using lpmc::ProcessGroup;

constexpr std::int64_t kBatch = 12;
constexpr std::int64_t kInputs = 6;
constexpr std::int64_t kClasses = 5;
constexpr std::int64_t kBucketBytes = 200;  // so that the small network needs several

struct Network : torch::nn::Module {
  Network() {
    first = register_module("first", torch::nn::Linear(kInputs, 16));
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({16})));
    last = register_module("last", torch::nn::Linear(16, kClasses));
    unused = register_parameter("unused", torch::ones({3}));
    of_sample_0 = register_parameter("of_sample_0", torch::ones({kClasses}));
  }
  torch::nn::Linear first{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear last{nullptr};
  torch::Tensor unused, of_sample_0;
};

struct Batch {
  torch::Tensor inputs, targets;
};

/// The loss of samples [from, to), divided by the global number.
torch::Tensor loss_of(Network& network, const Batch& batch, std::int64_t from, std::int64_t to) {
  const torch::Tensor hidden = torch::gelu(network.norm(network.first(batch.inputs.slice(0, from, to))));
  torch::Tensor logits = network.last(hidden);
  if (from == 0) logits = torch::cat({logits.slice(0, 0, 1) * network.of_sample_0, logits.slice(0, 1)});
  const auto sum = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum);
  return torch::nn::functional::cross_entropy(logits, batch.targets.slice(0, from, to), sum) /
         static_cast<double>(batch.inputs.size(0));
}

void write(std::ofstream& out, const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.to(torch::kFloat64).contiguous();
  out.write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
}

/// One step of two micro-batches, of which only the second one's gradients are to be sent.
void gradients(ProcessGroup& group, torch::ScalarType type, std::int64_t batch_size, const char* path) {
  torch::manual_seed(7);
  Network network;
  network.to(type);
  const Batch batch{torch::randn({batch_size, kInputs}).to(type),
                    torch::randint(kClasses, {batch_size}, torch::kInt64)};
  GradientReducer reducer(group, network.parameters(), kBucketBytes);
  const std::int64_t from = batch_size * group.rank() / group.world_size();
  const std::int64_t to = batch_size * (group.rank() + 1) / group.world_size();
  std::ofstream out(path, std::ios::binary);
  for (int step = 0; step < 2; ++step) {  // the second step finds buckets in use before
    for (auto& parameter : network.parameters())
      parameter.mutable_grad() = torch::Tensor();
    const std::int64_t middle = to - from > 1 ? from + (to - from) / 2 : from;
    if (middle > from) loss_of(network, batch, from, middle).backward();
    reducer.begin();
    if (to > middle) loss_of(network, batch, middle, to).backward();
    reducer.finish();
  }
  for (const auto& item : network.named_parameters()) {
    const torch::Tensor& grad = item.value().grad();
    write(out, torch::tensor({grad.defined() ? 1.0 : 0.0}, torch::kFloat64));
    write(out, grad.defined() ? grad : torch::zeros_like(item.value()));
  }
}

void sums(ProcessGroup& group, const char* path) {
  std::ofstream out(path);
  out << group.all_reduce_sum(0.1 * (group.rank() + 1)) << ' ';
  out << group.all_reduce_sum((std::int64_t{1} << 40) + group.rank()) << ' ';
  const torch::Tensor floats = torch::full({3}, group.rank() + 2.5);
  const torch::Tensor rows = torch::arange(6).view({2, 3}).mul(group.rank() + 1).t();  // not contiguous
  group.broadcast({floats, rows});
  group.barrier();
  out << floats.sum().item<double>() << ' ' << rows[2][1].item<std::int64_t>();
}

/// Steps until the mode's mishap.
void mishap(ProcessGroup& group, const std::string& mode, int victim) {
  torch::Tensor weight = torch::ones({1000}, torch::requires_grad());
  GradientReducer reducer(group, {weight}, kBucketBytes);
  for (int step = 0; step < 5; ++step) {
    if (step == 2 && group.rank() == victim) {
      if (mode == "lost") _exit(7);
      if (mode == "stopped") raise(SIGSTOP);
      if (mode == "announced") lpmc::fail(lpmc::ErrorKind::io, "disk full at step {}", step);
    }
    weight.mutable_grad() = torch::Tensor();
    reducer.begin();
    weight.sum().backward();
    reducer.finish();
  }
}

int run(const std::string& mode, const char* path) {
  const char* seconds = std::getenv("LPMC_TEST_TIMEOUT_S");
  const char* victim = std::getenv("LPMC_TEST_VICTIM");
  const auto timeout = std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 60);
  ProcessGroup group;
  try {
    group = ProcessGroup::from_environment(torch::kCPU, timeout);
    if (mode == "float32") gradients(group, torch::kFloat32, kBatch, path);
    if (mode == "float64") gradients(group, torch::kFloat64, kBatch, path);
    if (mode == "empty") gradients(group, torch::kFloat64, 3, path);
    if (mode == "sums") sums(group, path);
    if (victim != nullptr) mishap(group, mode, std::atoi(victim));
    return 0;
  } catch (const lpmc::Error& e) {
    std::ofstream(path) << lpmc::to_string(e.kind()) << ": " << e.what();
    group.announce_failure(e.what());
    return 3;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return argc == 3 ? run(argv[1], argv[2]) : 2;
}
