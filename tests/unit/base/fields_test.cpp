#include "lpmc/base/fields.h"

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

struct Sample {
  int num_beams = 5;
  double length_penalty = 1.5;
  bool sample = false;
  std::string name = "x";
  std::uint8_t small = 0;
};

template <class Field>
void visit(Sample& s, Field&& field) {
  field("num-beams", s.num_beams, "beams");
  field("length-penalty", s.length_penalty, "penalty");
  field("sample", s.sample, "draw");
  field("name", s.name, "a name");
  field("small", s.small, "a byte");
}

TEST(Fields, GoToJsonAndBack) {
  Sample sample;
  sample.num_beams = 3;
  const nlohmann::json json = options_to_json(sample);
  EXPECT_EQ(json.dump(), R"({"length_penalty":1.5,"name":"x","num_beams":3,"sample":false,"small":0})");
  Sample other;
  options_from_json(other, json, "options");
  EXPECT_EQ(other.num_beams, 3);
}

TEST(Fields, KeepWhatTheJsonDoesNotName) {
  Sample sample;
  sample.name = "kept";
  options_from_json(sample, nlohmann::json::parse(R"({"num_beams": 2.0, "other": 1, "sample": null})"),
                    "options");
  EXPECT_EQ(sample.num_beams, 2);
  EXPECT_EQ(sample.name, "kept");
  EXPECT_FALSE(sample.sample);
}

TEST(Fields, NameTheKeyTheExpectedAndTheFound) {
  Sample sample;
  const auto read = [&](const char* text) {
    options_from_json(sample, nlohmann::json::parse(text), "config.json");
  };
  EXPECT_THAT([&] { read(R"({"num_beams": "five"})"); },
              ThrowsLpmc(ErrorKind::invalid_argument,
                         R"(config.json: num_beams: expected a whole number, found "five")"));
  EXPECT_THAT([&] { read(R"({"num_beams": 2.5})"); }, ThrowsLpmc(ErrorKind::invalid_argument, "found 2.5"));
  EXPECT_THAT([&] { read(R"({"num_beams": 1e30})"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found 1e+30"));
  EXPECT_THAT([&] { read(R"({"small": 256})"); }, ThrowsLpmc(ErrorKind::invalid_argument, "found 256"));
  EXPECT_THAT([&] { read(R"({"sample": 1})"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected true or false"));
  EXPECT_THAT([&] { read("[]"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected a JSON object, found array"));
}

}  // namespace
}  // namespace lpmc
