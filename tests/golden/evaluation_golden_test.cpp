// Published results of LP-MusicCaps and what the original libraries gave for hand-written sentences.

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/threads.h"
#include "lpmc/evaluation/bleu.h"
#include "lpmc/evaluation/bleu_tokenizer.h"
#include "lpmc/evaluation/caption_statistics.h"
#include "lpmc/evaluation/csv_table.h"
#include "lpmc/evaluation/meteor.h"
#include "lpmc/evaluation/porter_stemmer.h"
#include "lpmc/evaluation/resampling.h"
#include "lpmc/evaluation/rouge_l.h"
#include "lpmc/evaluation/word_tokenizer.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

constexpr double kExact = 1e-12;  // numpy adds pairwise, so the last digits differ

json read_json(const std::string& name) {
  return json::parse(test::read_file(*test::fixtures() / "evaluation" / name));
}

std::vector<ClipCaptions> clips_of(const json& entry) {
  const auto predictions = entry.at("predictions").get<Strings>();
  const auto references = entry.value("references", predictions);
  std::vector<ClipCaptions> clips;
  for (std::size_t i = 0; i < predictions.size(); ++i)
    clips.push_back({"", predictions[i], {references.at(i)}, ""});
  return clips;
}

TEST(EvaluationGolden, Tokens) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const json examples = read_json("examples.json");
  for (const json& entry : examples.at("tokenizer_13a"))
    EXPECT_EQ(tokenize_13a(entry.at("text").get<std::string>()), entry.at("tokens").get<Strings>());
  for (const json& entry : examples.at("word_tokenize")) {
    const auto text = entry.at("text").get<std::string>();
    const json& tokens = entry.value("same", true) ? entry.at("tokens") : entry.at("tokens_untrained_punkt");
    EXPECT_EQ(tokenize_nltk(text), tokens.get<Strings>());
    // The sentences are the trained model's, which also ends one at dots where a known word begins the next.
    if (entry.value("same", true) && text.find("...") == std::string::npos) {
      EXPECT_EQ(split_sentences(text), entry.at("sentences").get<Strings>());
    }
    // A few abbreviations give what the trained model gives.
    EXPECT_EQ(tokenize_nltk(text, Abbreviations({"dr", "p.m", "vs"})), entry.at("tokens").get<Strings>());
  }
}

TEST(EvaluationGolden, StemsAndSynonyms) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const json examples = read_json("examples.json");
  for (const auto& [word, stem] : examples.at("porter_nltk").items())
    EXPECT_EQ(porter_stem(word), stem.get<std::string>()) << word;
  if (!WordNet::find()) GTEST_SKIP() << "no WordNet (Debian: wordnet-base)";
  const WordNet wordnet(*WordNet::find());
  ASSERT_EQ(wordnet.version(), WordNet::kReferenceVersion);
  for (const auto& [word, synonyms] : examples.at("wordnet_synonym_sets").items())
    EXPECT_EQ(wordnet.synonyms(word), synonyms.get<Strings>());
}

TEST(EvaluationGolden, Bleu) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const json examples = read_json("examples.json");
  for (const json& entry : examples.at("bleu")) {
    BleuCounts counts;
    for (const ClipCaptions& clip : clips_of(entry))
      counts += bleu_counts(clip);
    EXPECT_EQ(counts.prediction_length, entry.at("translation_length").get<std::int64_t>());
    EXPECT_EQ(counts.reference_length, entry.at("reference_length").get<std::int64_t>());
    for (int order = 1; order <= kBleuOrders; ++order)
      EXPECT_NEAR(bleu(counts, order), entry.at("bleu" + std::to_string(order)).get<double>(), kExact)
          << entry;
  }
}

TEST(EvaluationGolden, Meteor) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  if (!WordNet::find()) GTEST_SKIP() << "no WordNet (Debian: wordnet-base)";
  const WordNet wordnet(*WordNet::find());
  const Meteor meteor(wordnet);
  std::vector<double> scores;
  const json examples = read_json("examples.json");
  for (const json& entry : examples.at("meteor")) {
    const ClipCaptions clip{"", entry.at("prediction"), {entry.at("reference").get<std::string>()}, ""};
    scores.push_back(meteor.score(clip));
    EXPECT_NEAR(scores.back(), entry.at("meteor").get<double>(), kExact) << entry.at("name");
    const MeteorAlignment alignment =
        meteor.align(tokenize_nltk(clip.prediction), tokenize_nltk(clip.references[0]));
    EXPECT_EQ(json(alignment.matches), entry.at("alignment_hyp_ref")) << entry.at("name");
    const json& counts = entry.at("stage_counts");
    EXPECT_EQ(alignment.exact, counts.at("exact").get<int>());
    EXPECT_EQ(alignment.stem, counts.at("stem").get<int>());
    EXPECT_EQ(alignment.synonym, counts.at("synonym").get<int>());
    EXPECT_EQ(alignment.chunks, counts.value("chunks", 0));
  }
  EXPECT_NEAR(ordered_mean(scores), examples.at("meteor_corpus_mean_of_the_above").get<double>(), kExact);
}

TEST(EvaluationGolden, RougeLAndItsBootstrap) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const json examples = read_json("examples.json");
  std::vector<double> scores;
  for (const json& entry : examples.at("rougeL_rouge_score")) {
    const Strings prediction = tokenize_rouge(entry.at("prediction").get<std::string>());
    const Strings reference = tokenize_rouge(entry.at("reference").get<std::string>());
    EXPECT_EQ(prediction, entry.at("pred_tokens").get<Strings>());
    EXPECT_EQ(reference, entry.at("ref_tokens").get<Strings>());
    const RougeL value = rouge_l(prediction, reference);
    EXPECT_NEAR(value.precision(), entry.at("precision").get<double>(), kExact);
    EXPECT_NEAR(value.recall(), entry.at("recall").get<double>(), kExact);
    EXPECT_NEAR(value.f1(), entry.at("fmeasure").get<double>(), kExact);
    scores.push_back(value.f1());
  }
  const json& aggregate = examples.at("rougeL_aggregate");
  EXPECT_NEAR(ordered_mean(scores), aggregate.at("mean").get<double>(), kExact);
  for (const std::uint32_t seed : {0U, 1234U}) {
    const std::string key = "bootstrap_mid_RandomState(" + std::to_string(seed) + ")_n1000";
    EXPECT_NEAR(bootstrap_mean(scores, seed).mid, aggregate.at(key).get<double>(), kExact);
  }
  const json& bootstrap = examples.at("bootstrap_mid");
  const auto values = bootstrap.at("scores").get<std::vector<double>>();
  NumpyChoice choice(0, static_cast<std::uint32_t>(values.size()));
  for (const json& index : bootstrap.at("first_resample_indices_seed0"))
    EXPECT_EQ(choice(), index.get<std::uint32_t>());
  for (const std::uint32_t seed : {0U, 1234U}) {
    const json& expected = bootstrap.at("low_mid_high_seed" + std::to_string(seed));
    const BootstrapInterval interval = bootstrap_mean(values, seed);
    EXPECT_NEAR(interval.low, expected.at(0).get<double>(), kExact);
    EXPECT_NEAR(interval.mid, expected.at(1).get<double>(), kExact);
    EXPECT_NEAR(interval.high, expected.at(2).get<double>(), kExact);
  }
}

TEST(EvaluationGolden, LengthsVocabularyAndNovelty) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const json examples = read_json("examples.json");
  for (const json& entry : examples.at("length")) {
    const LengthStatistics lengths = caption_lengths(clips_of(entry));
    EXPECT_NEAR(lengths.mean, entry.at("length_avg").get<double>(), kExact);
    EXPECT_NEAR(lengths.standard_deviation, entry.at("length_std").get<double>(), kExact);
  }
  for (const json& entry : examples.at("vocab")) {
    const VocabularyStatistics vocabulary =
        vocabulary_published(clips_of(entry), entry.at("train").get<Strings>());
    EXPECT_EQ(vocabulary.predictions, entry.at("pairs_used").get<std::int64_t>());
    EXPECT_EQ(vocabulary.size, entry.at("vocab_size").get<std::int64_t>());
    EXPECT_EQ(vocabulary.novel, std::ssize(entry.at("novel").get<Strings>()));
    EXPECT_NEAR(vocabulary.novelty(), entry.at("vocab_novelty").get<double>(), kExact);
  }
  for (const json& entry : examples.at("caption_novelty")) {
    EXPECT_NEAR(caption_novelty(clips_of(entry), entry.at("train").get<Strings>()),
                entry.at("caption_novelty").get<double>(), kExact);
  }
}

/// One of the experiments whose predictions and results were published.
class PublishedExperiment : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    LPMC_SKIP_WITHOUT_FIXTURES();
    const std::string folder = "exp/" + std::string(GetParam()) + "/";
    published_ = read_json(folder + "results.json");
    for (const json& pair : read_json(folder + "inference.json"))
      clips_.push_back({"", pair.at("prediction"), {pair.at("ground_truth").get<std::string>()}, ""});
    ASSERT_EQ(clips_.size(), 2839U);
  }

  template <class Score>
  double mean_of(Score&& score) const {
    std::vector<double> scores(clips_.size());
    parallel_for(std::ssize(clips_), [&](std::int64_t i) {
      scores[static_cast<std::size_t>(i)] = score(clips_[static_cast<std::size_t>(i)]);
    });
    return ordered_mean(scores);
  }

  json published_;
  std::vector<ClipCaptions> clips_;
};

TEST_P(PublishedExperiment, Bleu) {
  BleuCounts counts;
  for (const ClipCaptions& clip : clips_)
    counts += bleu_counts(clip);
  for (int order = 1; order <= kBleuOrders; ++order)
    EXPECT_NEAR(bleu(counts, order), published_.at("bleu" + std::to_string(order)).get<double>(), kExact);
}

TEST_P(PublishedExperiment, Meteor) {
  if (!WordNet::find()) GTEST_SKIP() << "no WordNet (Debian: wordnet-base)";
  const WordNet wordnet(*WordNet::find());
  const double expected = published_.at("meteor_1.0").get<double>();
  const int before = num_threads();
  std::mt19937 random(1);
  std::vector<double> means;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const Meteor meteor(wordnet);
    means.push_back(mean_of([&](const ClipCaptions& clip) { return meteor.score(clip); }));
    EXPECT_NEAR(means.back(), expected, kExact);
    std::shuffle(clips_.begin(), clips_.end(), random);
  }
  set_num_threads(before);
  EXPECT_EQ(means[0], means[1]);  // neither the order nor the threads change a bit
}

TEST_P(PublishedExperiment, RougeL) {
  const json mean = read_json("extra_regression.json").at(GetParam());
  std::vector<double> scores;
  for (const ClipCaptions& clip : clips_)
    scores.push_back(rouge_l(clip));
  EXPECT_NEAR(ordered_mean(scores), mean.at("rougeL_mean").get<double>(), kExact);
  EXPECT_NEAR(ordered_mean(scores), published_.at("rougeL").get<double>(), 3e-4);
  for (const auto& [seed, expected] : mean.at("rougeL_mid_RandomState").items()) {
    const BootstrapInterval interval = bootstrap_mean(scores, static_cast<std::uint32_t>(std::stoul(seed)));
    EXPECT_NEAR(interval.mid, expected.get<double>(), kExact);
  }
}

TEST_P(PublishedExperiment, LengthsAndVocabulary) {
  const LengthStatistics lengths = caption_lengths(clips_);
  EXPECT_NEAR(lengths.mean, published_.at("length_avg").get<double>(), kExact);
  EXPECT_NEAR(lengths.standard_deviation, published_.at("length_std").get<double>(), kExact);
  // 2656 training captions were used there; which ones does not change the size.
  const Strings train(2656);
  EXPECT_EQ(vocabulary_published(clips_, train).size, published_.at("vocab_size").get<std::int64_t>());
}

/// Captions of MusicCaps' training half but for the rows in `left_out`.
Strings train_captions(const std::filesystem::path& csv, const std::set<std::string>& left_out) {
  const std::vector<CsvRow> rows = parse_csv(test::read_file(csv), "musiccaps-public.csv");
  const Strings& header = rows.at(0).fields;
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  const std::size_t id = column("ytid"), caption = column("caption"), test_half = column("is_audioset_eval");
  Strings captions;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const Strings& fields = rows[i].fields;
    if (fields.at(test_half) == "False" && !left_out.contains(fields.at(id)))
      captions.push_back(fields.at(caption));
  }
  return captions;
}

TEST_P(PublishedExperiment, Novelty) {
  const auto csv = test::shared_path("data/musiccaps-public.csv");
  if (!csv) GTEST_SKIP() << "no data/musiccaps-public.csv beside the fixtures";
  const json gap = read_json("train_gap_consistent.json");
  const Strings train = train_captions(*csv, gap.at("excluded_train_ytid").get<std::set<std::string>>());
  ASSERT_EQ(train.size(), gap.at("n_train").get<std::size_t>());
  const VocabularyStatistics vocabulary = vocabulary_published(clips_, train);
  EXPECT_EQ(vocabulary.size, published_.at("vocab_size").get<std::int64_t>());
  EXPECT_EQ(vocabulary.novel, gap.at("novel_word_counts").at(GetParam()).get<std::int64_t>());
  EXPECT_NEAR(vocabulary.novelty(), published_.at("vocab_diversity").get<double>(), kExact);
  EXPECT_EQ(caption_novelty(clips_, train), published_.at("caption_novelty").get<double>());

  // With the whole training half one or two words fewer are new, depending on the experiment.
  const Strings all = train_captions(*csv, {});
  ASSERT_EQ(all.size(), 2663U);
  const auto walked = std::span<const ClipCaptions>(clips_).first(train.size());
  const std::int64_t novel = vocabulary_all(walked, all).novel;
  EXPECT_LE(novel, vocabulary.novel);
  EXPECT_GE(novel, vocabulary.novel - 2);
}

INSTANTIATE_TEST_SUITE_P(EvaluationGolden, PublishedExperiment,
                         testing::Values("caption_summary", "baseline_template"),
                         [](const auto& experiment) { return std::string(experiment.param); });

}  // namespace
}  // namespace lpmc
