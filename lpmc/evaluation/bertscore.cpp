#include "lpmc/evaluation/bertscore.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// Side by side sums, so that the compiler may use vectors without changing their order.
constexpr std::size_t kLanes = 16;

double dot(const float* a, const float* b, std::size_t width) {
  std::array<float, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += a[i + lane] * b[i + lane];
  }
  double total = 0;
  for (const float sum : sums)
    total += sum;
  for (; i < width; ++i)
    total += static_cast<double>(a[i]) * b[i];
  return total;
}

std::size_t width_of(const TokenEmbeddings& text) {
  LPMC_REQUIRE(text.size() > 0 && text.rows.size() % text.size() == 0, invalid_argument,
               "BERTScore: expected {} rows of one width, found {} values", text.size(), text.rows.size());
  return text.rows.size() / text.size();
}

/// Nothing where no token has weight.
std::optional<double> weighted_mean(std::span<const double> values, std::span<const double> weights) {
  double sum = 0;
  double weight_sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (weights[i] == 0) continue;
    LPMC_REQUIRE(
        std::isfinite(values[i]), corrupt,
        "BERTScore: expected embeddings that are numbers, found NaN or infinity; is the model damaged?");
    sum += weights[i] * values[i];
    weight_sum += weights[i];
  }
  if (!(weight_sum > 0)) return std::nullopt;
  return sum / weight_sum;
}

double harmonic_mean(double precision, double recall) {
  const double f1 = 2 * precision * recall / (precision + recall);
  return std::isfinite(f1) ? f1 : 0;
}

struct BaselineLine {
  int layer = 0;
  BertScoreValue value;
};

/// @param where "file: line 3"
BaselineLine parse_baseline_line(std::string_view line, std::string_view where) {
  std::array<double, 4> numbers{};
  const char* next = line.data();
  const char* const end = line.data() + line.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [stop, error] = std::from_chars(next, end, numbers[i]);
    const bool is_last = i + 1 == numbers.size();
    const bool is_separated = is_last ? stop == end : stop != end && *stop == ',';
    LPMC_REQUIRE(error == std::errc() && is_separated, corrupt,
                 "{}: expected a layer and three numbers with commas between, found '{}'", where,
                 replace_invalid_utf8(line.substr(0, 80)));
    next = stop + 1;
  }
  const auto is_score = [](double x) { return x > -1 && x < 1; };
  LPMC_REQUIRE(is_score(numbers[1]) && is_score(numbers[2]) && is_score(numbers[3]), corrupt,
               "{}: expected baselines between -1 and 1, found '{}'", where,
               replace_invalid_utf8(line.substr(0, 80)));
  LPMC_REQUIRE(numbers[0] >= 0 && numbers[0] <= 1000 && numbers[0] == std::floor(numbers[0]), corrupt,
               "{}: expected the number of a layer, found {}", where, numbers[0]);
  return {static_cast<int>(numbers[0]), {numbers[1], numbers[2], numbers[3]}};
}

}  // namespace

void normalize_rows(std::span<float> rows, std::size_t width) {
  LPMC_REQUIRE(width > 0 && rows.size() % width == 0, invalid_argument,
               "BERTScore: expected rows of {} values, found {} in all", width, rows.size());
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    float* row = rows.data() + begin;
    const double length = std::sqrt(dot(row, row, width));
    if (length == 0) continue;
    const double factor = 1 / length;
    for (std::size_t i = 0; i < width; ++i)
      row[i] = static_cast<float>(row[i] * factor);
  }
}

BertScoreValue bert_score(const TokenEmbeddings& prediction, const TokenEmbeddings& reference) {
  const std::size_t width = width_of(prediction);
  LPMC_REQUIRE(width_of(reference) == width, invalid_argument,
               "BERTScore: expected embeddings of width {}, found {}", width, width_of(reference));
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  std::vector<double> best_of_row(prediction.size(), kNone);
  std::vector<double> best_of_column(reference.size(), kNone);
  for (std::size_t row = 0; row < prediction.size(); ++row) {
    for (std::size_t column = 0; column < reference.size(); ++column) {
      const double cosine =
          dot(prediction.rows.data() + row * width, reference.rows.data() + column * width, width);
      best_of_row[row] = std::max(best_of_row[row], cosine);
      best_of_column[column] = std::max(best_of_column[column], cosine);
    }
  }
  const auto precision = weighted_mean(best_of_row, prediction.weights);
  const auto recall = weighted_mean(best_of_column, reference.weights);
  if (!precision || !recall) return {};
  return {*precision, *recall, harmonic_mean(*precision, *recall)};
}

BertScoreValue best_of(std::span<const BertScoreValue> values) {
  BertScoreValue best = values.front();
  for (const BertScoreValue& value : values) {
    best.precision = std::max(best.precision, value.precision);
    best.recall = std::max(best.recall, value.recall);
    best.f1 = std::max(best.f1, value.f1);
  }
  return best;
}

TokenIdf::TokenIdf(std::span<const std::vector<std::int32_t>> references) {
  std::unordered_map<std::int32_t, std::size_t> documents;
  for (const std::vector<std::int32_t>& reference : references) {
    for (const std::int32_t token : std::unordered_set<std::int32_t>(reference.begin(), reference.end()))
      ++documents[token];
  }
  const auto count = static_cast<double>(references.size());
  for (const auto& [token, holders] : documents)
    weights_[token] = std::log((count + 1) / (static_cast<double>(holders) + 1));
  unseen_ = std::log(count + 1);
}

double TokenIdf::weight(std::int32_t token) const {
  const auto found = weights_.find(token);
  return found == weights_.end() ? unseen_ : found->second;
}

BertScoreBaseline::BertScoreBaseline(const std::filesystem::path& file, int layer)
    : BertScoreBaseline(
          [&] {
            const MappedFile mapped(file);
            return std::string(static_cast<const char*>(static_cast<const void*>(mapped.bytes().data())),
                               mapped.bytes().size());
          }(),
          display_path(file), layer) {}

BertScoreBaseline::BertScoreBaseline(std::string_view csv, std::string_view where, int layer) {
  std::size_t number = 0;
  bool found = false;
  for (std::size_t begin = 0; begin < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    std::string_view line = csv.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1) {
      LPMC_REQUIRE(line == "LAYER,P,R,F", corrupt,
                   "{}: line 1: expected bert_score's header LAYER,P,R,F, found '{}'", where,
                   replace_invalid_utf8(line.substr(0, 80)));
      continue;
    }
    if (line.empty()) continue;
    const BaselineLine parsed = parse_baseline_line(line, fmt::format("{}: line {}", where, number));
    if (parsed.layer != layer) continue;
    LPMC_REQUIRE(!found, corrupt, "{}: line {}: expected one line for layer {}, found another", where, number,
                 layer);
    baseline_ = parsed.value;
    found = true;
  }
  LPMC_REQUIRE(number > 0, corrupt, "{}: expected bert_score's CSV of baselines, found an empty file", where);
  LPMC_REQUIRE(found, not_found, "{}: expected a line for layer {}, found none", where, layer);
}

BertScoreValue BertScoreBaseline::rescale(const BertScoreValue& value) const {
  const auto rescaled = [](double x, double baseline) { return (x - baseline) / (1 - baseline); };
  return {rescaled(value.precision, baseline_.precision), rescaled(value.recall, baseline_.recall),
          rescaled(value.f1, baseline_.f1)};
}

}  // namespace lpmc
