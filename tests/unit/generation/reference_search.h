#pragma once

#include <cstdint>
#include <vector>

#include "table_network.h"

#include "lpmc/generation/generate.h"

namespace lpmc::test {

struct ReferenceResult {
  std::vector<Hypothesis> hypotheses;
  /// The smallest difference that decided anything: under about 1e-4 rounding may decide otherwise,
  /// and the result is no judge.
  double margin = 0;
};

/// Beam search of one segment as the rules of transformers 4.26.1 tell it, written for reading:
/// every step looks at full sequences, sorts all candidates, keeps all it has seen. Equal candidates
/// in order of beam, then token.
ReferenceResult reference_beam_search(const LogitTable& table, std::int64_t segment,
                                      const GenerationOptions& options, const SpecialTokens& special);

/// Greedy search likewise; scores are the sum of log-probabilities of tokens that were not forced,
/// over the length.
ReferenceResult reference_greedy_search(const LogitTable& table, std::int64_t segment,
                                        const GenerationOptions& options, const SpecialTokens& special);

}  // namespace lpmc::test
