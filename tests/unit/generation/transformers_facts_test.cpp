// What transformers 4.26.1's generate() returned for a toy model with the logits of test::LogitTable.
// For the sampling cases its torch.multinomial was replaced by the draws of
// lpmc/generation/sampling.h, so that everything around the draws is compared.

#include <cstdint>
#include <vector>

#include "table_network.h"
#include <gtest/gtest.h>

#include "lpmc/generation/generate.h"

namespace lpmc {
namespace {

struct Fact {
  test::LogitTable table;
  GenerationOptions options;
  std::int32_t forced_bos, forced_eos;
  std::vector<Hypothesis> hypotheses;  // transformers gives no scores without beams
};

const Fact kFacts[] = {
    {.table = {1, 40, 4.0, 4},
     .options = {5, 12, 2, 1.0, true, 3, 1.0, false, 1.0, 50, 1.0, 1, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 17, 2}, -0.92382675}}},
    {.table = {2, 40, 4.0, 4},
     .options = {5, 12, 2, 1.0, true, 3, 1.0, false, 1.0, 50, 1.0, 5, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 15, 2}, -0.70950061},
                    {{2, 0, 8, 17, 2}, -1.0058575},
                    {{2, 0, 8, 19, 2}, -1.0228473},
                    {{2, 0, 8, 10, 2}, -1.2142462},
                    {{2, 0, 8, 29, 2}, -1.237618}}},
    {.table = {3, 40, 4.0, 4},
     .options = {5, 12, 2, 2.0, false, 3, 1.0, false, 1.0, 50, 1.0, 3, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 39, 24, 30, 29, 26, 34, 33, 18, 28, 2}, -0.13292257},
                    {{2, 0, 39, 24, 30, 29, 26, 34, 33, 18, 39, 2}, -0.1338353},
                    {{2, 0, 39, 24, 30, 29, 26, 34, 33, 11, 21, 2}, -0.13524741}}},
    {.table = {4, 40, 4.0, 4},
     .options = {5, 9, 2, 0.0, false, 3, 1.0, false, 1.0, 50, 1.0, 5, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 3, 2}, -2.4079792},
                    {{2, 0, 26, 33, 2}, -3.8483686},
                    {{2, 0, 26, 4, 2}, -4.2388005},
                    {{2, 0, 26, 34, 2}, -5.5299931},
                    {{2, 0, 4, 10, 5, 2}, -5.6271129}}},
    {.table = {5, 40, 4.0, 6},
     .options = {5, 12, 2, -1.0, false, 3, 1.0, false, 1.0, 50, 1.0, 4, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 2}, -0.051530261},
                    {{2, 0, 21, 2}, -17.635122},
                    {{2, 0, 8, 2}, -18.2272},
                    {{2, 0, 19, 2}, -18.679712}}},
    {.table = {6, 40, 8.0, 4},
     .options = {2, 12, 2, 1.0, true, 2, 1.3, false, 1.0, 50, 1.0, 2, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 2}, -0.081114031}, {{2, 0, 33, 32, 2}, -1.1827657}}},
    {.table = {7, 40, 4.0, 8},
     .options = {4, 12, 8, 1.0, true, 1, 1.0, false, 1.0, 50, 1.0, 4, 0},
     .forced_bos = -1,
     .forced_eos = -1,
     .hypotheses = {{{2, 25, 14, 39, 24, 11, 7, 29, 33, 5, 16, 35}, -2.5294273},
                    {{2, 25, 14, 39, 24, 11, 7, 29, 33, 5, 16, 9}, -2.5321872},
                    {{2, 25, 14, 39, 24, 11, 7, 29, 33, 5, 8, 15}, -2.5393016},
                    {{2, 25, 14, 39, 24, 11, 7, 29, 33, 5, 8, 3}, -2.5586898}}},
    {.table = {8, 40, 4.0, 0},
     .options = {3, 4, 2, 1.0, true, 3, 1.0, false, 1.0, 50, 1.0, 3, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 9, 2}, -0.62914765}, {{2, 0, 27, 2}, -0.64103854}, {{2, 0, 29, 2}, -0.72131824}}},
    {.table = {9, 40, 4.0, 2},
     .options = {6, 12, 2, 1.0, false, 0, 0.8, false, 1.0, 50, 1.0, 6, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 36, 2}, -1.0224947},
                    {{2, 0, 15, 32, 2}, -1.1167898},
                    {{2, 0, 21, 2}, -1.1511997},
                    {{2, 0, 5, 1, 31, 36, 2}, -1.3279766},
                    {{2, 0, 5, 35, 11, 37, 14, 37, 13, 2}, -1.35615},
                    {{2, 0, 5, 35, 11, 1, 3, 20, 2}, -1.3840666}}},
    {.table = {10, 40, 4.0, 4},
     .options = {1, 12, 2, 1.0, true, 3, 1.0, false, 1.0, 50, 1.0, 1, 0},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 2}, 0}}},
    {.table = {11, 40, 4.0, 2},
     .options = {1, 12, 2, 1.0, true, 2, 1.5, false, 1.0, 50, 1.0, 1, 0},
     .forced_bos = -1,
     .forced_eos = 2,
     .hypotheses = {{{2, 25, 27, 37, 5, 12, 11, 34, 4, 7, 9, 2}, 0}}},
    {.table = {12, 40, 4.0, 0},
     .options = {1, 12, 2, 1.0, true, 0, 1.0, false, 1.0, 50, 1.0, 1, 0},
     .forced_bos = 0,
     .forced_eos = -1,
     .hypotheses = {{{2, 0, 27, 12, 29, 33, 37, 0, 10, 11, 22, 5}, 0}}},
    {.table = {13, 40, 4.0, 4},
     .options = {4, 12, 2, 1.0, true, 3, 1.1, true, 0.9, 50, 1.0, 1, 7},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 1, 2}, -0.78467053}}},
    {.table = {14, 40, 4.0, 4},
     .options = {4, 12, 2, 1.0, true, 3, 1.0, true, 1.0, 0, 1.5, 3, -3},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 32, 11, 34, 32, 2}, -0.40036237},
                    {{2, 0, 15, 18, 8, 26, 2}, -0.40692532},
                    {{2, 0, 39, 8, 26, 33, 2}, -0.42263094}}},
    {.table = {15, 40, 4.0, 4},
     .options = {2, 12, 2, 1.0, false, 3, 1.0, true, 0.5, 5, 0.7, 1, 9},
     .forced_bos = -1,
     .forced_eos = 2,
     .hypotheses = {{{2, 6, 2}, -1.7485172}}},
    {.table = {16, 40, 4.0, 4},
     .options = {1, 12, 2, 1.0, true, 3, 1.0, true, 0.9, 50, 1.0, 1, 1},
     .forced_bos = 0,
     .forced_eos = 2,
     .hypotheses = {{{2, 0, 0, 35, 2}, 0}}},
    {.table = {17, 40, 4.0, 4},
     .options = {1, 12, 2, 1.0, true, 3, 1.2, true, 1.0, 8, 1.3, 1, 2},
     .forced_bos = -1,
     .forced_eos = -1,
     .hypotheses = {{{2, 12, 2}, 0}}},
};

TEST(TransformersFacts, AreEqual) {
  for (const Fact& fact : kFacts) {
    SCOPED_TRACE(fact.table.seed);
    SpecialTokens special;
    special.forced_bos = fact.forced_bos;
    special.forced_eos = fact.forced_eos;
    test::TableNetwork network(fact.table);
    const auto found = generate(network.step_fn(), 1, fact.table.vocab_size, fact.options, special);
    ASSERT_EQ(found[0].size(), fact.hypotheses.size());
    for (std::size_t i = 0; i < fact.hypotheses.size(); ++i) {
      EXPECT_EQ(found[0][i].tokens, fact.hypotheses[i].tokens);
      if (fact.options.num_beams == 1) continue;
      // A dozen float32 sums of numbers under 32, each rounded to 2^-20.
      EXPECT_NEAR(found[0][i].score, fact.hypotheses[i].score, 2e-5);
    }
  }
}

}  // namespace
}  // namespace lpmc
