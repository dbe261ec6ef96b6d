// Counting what raters answered; the contract is in listening_test.h.

#include <array>
#include <cstddef>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/comparison.h"
#include "lpmc/evaluation/listening_test.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 2> kQuestions = {"more_true_positives", "fewer_false_positives"};

class AnswerCounter {
 public:
  AnswerCounter() {
    for (const std::string_view question : kQuestions)
      counts_.questions.emplace_back().question = question;
  }

  void take(const AnswerFile& file) {
    Json json;
    try {
      json = Json::parse(file.text);
    } catch (const Json::exception&) {
      fail(ErrorKind::corrupt, "{}: expected the JSON that the test's page saved, found other text",
           file.name);
    }
    LPMC_REQUIRE(json.is_object(), corrupt, "{}: expected an object with \"answers\", found {}", file.name,
                 json.type_name());
    check_test(json, file.name);
    const std::string rater = text_at(json, "rater", file.name);
    const auto answers = json.find("answers");
    LPMC_REQUIRE(answers != json.end() && answers->is_array(), corrupt,
                 "{}: \"answers\": expected a list, found none", file.name);
    // Raters who left their name out are told apart by their files.
    const std::string who = rater.empty() ? "\n" + file.name : rater;
    for (std::size_t i = 0; i < answers->size(); ++i)
      take_answer((*answers)[i], who, fmt::format("{}: answer {}", file.name, i + 1));
    raters_.insert(who);
  }

  ListeningTestCounts finish() {
    counts_.raters = raters_.size();
    for (AnswerCounts& question : counts_.questions)
      question.p = sign_test(question.first, question.second);
    return std::move(counts_);
  }

 private:
  static std::string text_at(const Json& json, const char* key, std::string_view where) {
    const auto found = json.find(key);
    LPMC_REQUIRE(found != json.end() && found->is_string(), corrupt,
                 "{}: \"{}\": expected a string, found {}", where, key,
                 found == json.end() ? "none" : found->type_name());
    return found->get<std::string>();
  }

  void check_test(const Json& json, const std::string& name) {
    const std::string test = text_at(json, "test", name);
    if (test_.empty()) {
      test_ = test;
      counts_.first_name = text_at(json, "first", name);
      counts_.second_name = text_at(json, "second", name);
    }
    LPMC_REQUIRE(test == test_, invalid_argument,
                 "{}: expected answers to the test {} as in the first file, found {}", name, test_,
                 display_path(test.substr(0, 40)));
  }

  void take_answer(const Json& answer, const std::string& rater, const std::string& where) {
    LPMC_REQUIRE(answer.is_object(), corrupt, "{}: expected an object, found {}", where, answer.type_name());
    const std::string clip = text_at(answer, "clip", where);
    LPMC_REQUIRE(seen_.emplace(rater, clip).second, corrupt,
                 "{}: expected one answer a rater and clip, found a second one of '{}' to '{}'", where,
                 display_path(rater), display_path(clip));
    for (AnswerCounts& counts : counts_.questions) {
      if (!answer.contains(counts.question)) continue;
      const std::string given = text_at(answer, counts.question.c_str(), where);
      LPMC_REQUIRE(given == "first" || given == "second" || given == "draw", corrupt,
                   "{}: \"{}\": expected first, second or draw, found '{}'", where, counts.question,
                   display_path(given.substr(0, 40)));
      ++(given == "first" ? counts.first : given == "second" ? counts.second : counts.draw);
    }
  }

  ListeningTestCounts counts_;
  std::string test_;
  std::set<std::string> raters_;
  std::set<std::pair<std::string, std::string>> seen_;  // rater, clip
};

double share(std::int64_t count, const AnswerCounts& counts) {
  return counts.total() == 0 ? 0 : static_cast<double>(count) / static_cast<double>(counts.total());
}

}  // namespace

ListeningTestCounts count_answers(std::span<const AnswerFile> files) {
  LPMC_REQUIRE(!files.empty(), invalid_argument, "listening test: expected files of answers, found none");
  AnswerCounter counter;
  for (const AnswerFile& file : files)
    counter.take(file);
  return counter.finish();
}

std::string answers_text(const ListeningTestCounts& counts) {
  std::string text = fmt::format("first: {}\nsecond: {}\nraters: {}\n\n", counts.first_name,
                                 counts.second_name, counts.raters);
  text += fmt::format("{:<24}{:>9}{:>16}{:>16}{:>16}{:>14}\n", "question", "answers", "first", "draw",
                      "second", "p (sign test)");
  for (const AnswerCounts& question : counts.questions) {
    const auto cell = [&](std::int64_t count) {
      return fmt::format("{} ({:.1f} %)", count, 100 * share(count, question));
    };
    text += fmt::format("{:<24}{:>9}{:>16}{:>16}{:>16}{:>14.4f}\n", question.question, question.total(),
                        cell(question.first), cell(question.draw), cell(question.second), question.p);
  }
  return text;
}

std::string answers_json(const ListeningTestCounts& counts) {
  Json json = {{"first", counts.first_name}, {"second", counts.second_name}, {"raters", counts.raters}};
  for (const AnswerCounts& question : counts.questions) {
    json[question.question] = {{"answers", question.total()},
                               {"first", question.first},
                               {"draw", question.draw},
                               {"second", question.second},
                               {"p_sign_test", question.p}};
  }
  return json.dump(4) + "\n";
}

}  // namespace lpmc
