#include "lpmc/generation/beam_hypotheses.h"

#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

using Tokens = std::vector<std::int32_t>;

GenerationOptions options_of(int num_beams, bool early_stopping, double length_penalty = 1.0) {
  GenerationOptions options;
  options.num_beams = num_beams;
  options.early_stopping = early_stopping;
  options.length_penalty = length_penalty;
  return options;
}

std::vector<Tokens> tokens_of(BeamHypotheses& hypotheses) {
  std::vector<Tokens> tokens;
  for (auto& entry : hypotheses.take_best_first())
    tokens.push_back(entry.tokens);
  return tokens;
}

TEST(BeamHypotheses, KeepsTheBest) {
  BeamHypotheses hypotheses(options_of(2, true));
  hypotheses.add(Tokens{1, 1}, -4.0F);  // -2
  hypotheses.add(Tokens{2, 2}, -2.0F);  // -1
  hypotheses.add(Tokens{3, 3}, -6.0F);  // -3: no
  hypotheses.add(Tokens{4, 4}, -3.0F);  // -1.5: instead of -2
  EXPECT_EQ(tokens_of(hypotheses), (std::vector<Tokens>{{2, 2}, {4, 4}}));
}

TEST(BeamHypotheses, AnEqualOneDoesNotReplaceTheWorst) {
  BeamHypotheses hypotheses(options_of(2, true));
  hypotheses.add(Tokens{1}, -2.0F);
  hypotheses.add(Tokens{2}, -1.0F);
  hypotheses.add(Tokens{3}, -2.0F);
  EXPECT_EQ(tokens_of(hypotheses), (std::vector<Tokens>{{2}, {1}}));
}

TEST(BeamHypotheses, OfEqualOnesTheFirstLeavesAndTheLastIsBest) {
  BeamHypotheses hypotheses(options_of(3, true));
  for (const std::int32_t token : {1, 2, 3})
    hypotheses.add(Tokens{token}, -2.0F);
  hypotheses.add(Tokens{4}, -1.0F);
  EXPECT_EQ(tokens_of(hypotheses), (std::vector<Tokens>{{4}, {3}, {2}}));
}

TEST(BeamHypotheses, IsDoneByTheRules) {
  BeamHypotheses early(options_of(2, true));
  early.add(Tokens{1}, -1.0F);
  EXPECT_FALSE(early.is_done(0.0F, 4));
  early.add(Tokens{1}, -9.0F);
  EXPECT_TRUE(early.is_done(0.0F, 4));

  BeamHypotheses patient(options_of(2, false));
  patient.add(Tokens{1, 1}, -2.0F);
  EXPECT_FALSE(patient.is_done(-100.0F, 4));
  patient.add(Tokens{1, 1}, -4.0F);         // worst: -2
  EXPECT_FALSE(patient.is_done(-7.9F, 4));  // -1.975 would be better
  EXPECT_TRUE(patient.is_done(-8.0F, 4));   // -2 would not
}

TEST(BeamHypotheses, LengthPenalties) {
  EXPECT_DOUBLE_EQ(normalised_score(-6.0, 3, 1.0), -2.0);
  EXPECT_DOUBLE_EQ(normalised_score(-6.0, 3, 0.0), -6.0);
  EXPECT_DOUBLE_EQ(normalised_score(-6.0, 2, 2.0), -1.5);
  EXPECT_DOUBLE_EQ(normalised_score(-6.0, 2, -1.0), -12.0);
}

}  // namespace
}  // namespace lpmc
