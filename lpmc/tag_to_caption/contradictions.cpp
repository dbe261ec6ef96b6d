#include "lpmc/tag_to_caption/contradictions.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace lpmc {
namespace {

using WordSet = std::unordered_set<std::string_view>;

/// Two things that cannot both be said of one recording.
enum class Stance : std::size_t {
  voice,
  no_voice,
  male,
  female,
  fast,
  slow,
  happy,
  sad,
  low_quality,
  high_quality,
  major,
  minor,
  mono,
  stereo,
  loud,
  quiet,
  calm,
  aggressive,
  count
};
constexpr std::size_t kStances = static_cast<std::size_t>(Stance::count);

/// For each stance the words that show it; empty where nothing does.
using Stances = std::array<std::string, kStances>;

const std::string& at(const Stances& stances, Stance stance) {
  return stances[static_cast<std::size_t>(stance)];
}

void show(Stances& stances, Stance stance, const std::string& evidence) {
  std::string& known = stances[static_cast<std::size_t>(stance)];
  if (known.empty()) known = evidence;
}

/// Reads stances from a sentence-wise list of words; `tag` names the evidence where the words are a tag's.
class StanceReader {
 public:
  StanceReader(std::span<const Word> words, std::string_view tag) : words_(words), tag_(tag) {}

  void read(Stances& stances) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      read_voice(stances, i);
      read_tempo(stances, i);
      read_plain(stances, i);
    }
  }

 private:
  bool same_sentence(std::size_t a, std::size_t b) const { return words_[a].sentence == words_[b].sentence; }

  /// Whether a word of `group` stands from `before` words before `i` to `after` after it in the sentence.
  bool near(std::size_t i, std::size_t before, std::size_t after, Group group) const {
    for (std::size_t j = i - std::min(i, before); j < words_.size() && j <= i + after; ++j) {
      if (j != i && same_sentence(i, j) && !words_[j].negated && has(words_[j].groups, group)) return true;
    }
    return false;
  }

  std::string evidence(std::size_t i) const {
    if (!tag_.empty()) return std::string(tag_);
    std::string text = words_[i].negated ? "no " : "";
    if (i > 0 && same_sentence(i, i - 1) && !words_[i - 1].function && !words_[i - 1].ends_clause) {
      text += words_[i - 1].text + " ";
    }
    return text + words_[i].text;
  }

  void read_voice(Stances& stances, std::size_t i) const {
    const Word& word = words_[i];
    if (has(word.groups, Group::instrumental) && !word.negated && speaks_of_whole(i)) {
      show(stances, Stance::no_voice, evidence(i));
    }
    if (!has(word.implied, Group::voice)) return;
    const bool voice = has(word.groups, Group::voice);
    if (word.negated) {
      if (voice && no_voice_at_all(i)) show(stances, Stance::no_voice, evidence(i));
      return;
    }
    if (!voice && !sings(word)) return;
    if (!is_human(i)) return;
    show(stances, Stance::voice, evidence(i));
    // A gender counts where it is said of the voice: "male vocal", "a woman sings".
    if (near(i, 5, 0, Group::male) || singer_after(i, Group::male)) show(stances, Stance::male, evidence(i));
    if (near(i, 5, 0, Group::female) || singer_after(i, Group::female))
      show(stances, Stance::female, evidence(i));
  }

  /// "sung by a man"
  bool singer_after(std::size_t i, Group gender) const {
    return i + 1 < words_.size() && (words_[i + 1].text == "by" || words_[i + 1].text == "of") &&
           near(i, 0, 4, gender);
  }

  /// Kinds of voice that are surely somebody's; "opera", "lullaby" and the like may do without.
  static bool sings(const Word& word) {
    static const WordSet words = {"rapper", "rapping", "raps", "soprano", "falsetto", "choir", "yodeling"};
    return words.contains(word.text);
  }

  /// Whether `text` stands `back` words before `i` in its sentence.
  bool is_at(std::size_t i, std::size_t back, std::string_view text) const {
    return i >= back && words_[i - back].text == text && same_sentence(i, i - back);
  }

  /// "instrumental accompaniment" and "instrumental break" say nothing of the rest.
  bool speaks_of_whole(std::size_t i) const {
    static const WordSet parts = {
        "accompaniment", "solo",         "section",  "sections",    "break",        "breaks",   "interlude",
        "part",          "parts",        "backing",  "arrangement", "arrangements", "intro",    "bridge",
        "passage",       "passages",     "support",  "background",  "backdrop",     "elements", "instruments",
        "layers",        "line",         "lines",    "melody",      "outro",        "hook",     "talent",
        "skills",        "harmony",      "ensemble", "mix",         "beat",         "bits",     "portion",
        "prelude",       "introduction", "in",       "and"};
    static const WordSet wholes = {"music", "piece", "song", "track", "version", "cover", "composition"};
    const bool last = i + 1 >= words_.size() || words_[i].ends_clause;
    // "sings over the instrumental": the backing.
    if ((is_at(i, 1, "the") || is_at(i, 2, "the") || is_at(i, 1, "backing")) &&
        (last || !wholes.contains(words_[i + 1].text))) {
      return false;
    }
    return last || !parts.contains(words_[i + 1].text);
  }

  /// "no voice", but not "no female voice", "no backing vocals", "no vocal harmonies" or "not singing but
  /// talking".
  bool no_voice_at_all(std::size_t i) const {
    static const WordSet kinds = {"backing", "background", "backup",  "lead",  "clear", "discernible",
                                  "male",    "female",     "main",    "real",  "human", "vocal",
                                  "other",   "additional", "harmony", "second"};
    if (i == 0 || words_[i].text == "singing" || words_[i].text == "sung" || words_[i].text == "sing") {
      return i > 0 && (words_[i - 1].text == "no" || words_[i - 1].text == "without");
    }
    if (i + 1 < words_.size() && words_[i + 1].negated && same_sentence(i, i + 1) && !words_[i].ends_clause) {
      return has(words_[i + 1].groups, Group::voice);
    }
    return !kinds.contains(words_[i - 1].text);
  }

  /// Not "vocal-like synth", "vocal samples", "voice of the flute", "voiceover".
  bool is_human(std::size_t i) const {
    static const WordSet after = {"like",  "sample", "samples",   "effect",  "effects", "chop",
                                  "chops", "esque",  "sampled",   "bowl",    "bowls",   "synth",
                                  "pad",   "pads",   "recording", "snippet", "sounding"};
    static const WordSet before = {"instrumental", "lead-like", "synth",  "sampled",
                                   "speaking",     "guitar",    "talking"};
    if (i + 1 < words_.size() && same_sentence(i, i + 1) && after.contains(words_[i + 1].text)) return false;
    return i == 0 || !same_sentence(i, i - 1) || !before.contains(words_[i - 1].text);
  }

  void read_tempo(Stances& stances, std::size_t i) const {
    const Word& word = words_[i];
    const bool fast = has(word.groups, Group::fast) && word.text != "upbeat" && word.text != "driving";
    const bool slow = has(word.groups, Group::slow);
    if (word.negated || fast == slow) return;
    const bool says_tempo = word.text == "uptempo" || word.text == "downtempo";
    if (!says_tempo && !of_tempo(i)) return;
    // "slow to medium fast": a range is no stance.
    if (near(i, 3, 3, Group::medium) || near(i, 3, 3, fast ? Group::slow : Group::fast)) return;
    show(stances, fast ? Stance::fast : Stance::slow, evidence(i));
  }

  bool of_tempo(std::size_t i) const {
    const auto is_tempo = [&](std::size_t j) {
      return j < words_.size() && same_sentence(i, j) &&
             (words_[j].text == "tempo" || words_[j].text == "pace" || words_[j].text == "paced");
    };
    if (!words_[i].ends_clause && is_tempo(i + 1)) return true;
    return i >= 2 && is_tempo(i - 2) && words_[i - 1].text == "is";
  }

  void read_plain(Stances& stances, std::size_t i) const {
    struct Rule {
      Group group;
      Stance stance;
      std::optional<Group> beside;  // counts only beside such a word
    };
    static constexpr std::array<Rule, 10> kRules = {{{Group::happy, Stance::happy, {}},
                                                     {Group::sad, Stance::sad, {}},
                                                     {Group::mono, Stance::mono, {}},
                                                     {Group::stereo, Stance::stereo, {}},
                                                     {Group::loud, Stance::loud, {}},
                                                     {Group::quiet, Stance::quiet, {}},
                                                     {Group::calm, Stance::calm, {}},
                                                     {Group::aggressive, Stance::aggressive, {}},
                                                     {Group::low, Stance::low_quality, Group::quality},
                                                     {Group::high, Stance::high_quality, Group::quality}}};
    const Word& word = words_[i];
    if (word.negated) return;
    for (const Rule& rule : kRules) {
      if (has(word.groups, rule.group) && (!rule.beside || near(i, 0, 2, *rule.beside))) {
        show(stances, rule.stance, evidence(i));
      }
    }
    const bool key = i + 1 < words_.size() && (words_[i + 1].text == "key" || words_[i + 1].text == "scale");
    if (key && word.text == "major") show(stances, Stance::major, evidence(i));
    if (key && word.text == "minor") show(stances, Stance::minor, evidence(i));
  }

  std::span<const Word> words_;
  std::string_view tag_;
};

/// Sentences that propose ("could be used as a backing track for a singer") state nothing.
std::vector<Word> statements(std::span<const Word> caption) {
  std::vector<Word> kept;
  kept.reserve(caption.size());
  std::copy_if(caption.begin(), caption.end(), std::back_inserter(kept),
               [](const Word& word) { return !word.proposal; });
  return kept;
}

/// Whether the caption tells of a course of events: then opposites may follow each other.
bool tells_of_change(std::span<const Word> caption) {
  static const WordSet words = {
      "then",          "gradually", "changes",     "change",      "changing",   "transition", "transitions",
      "switches",      "becomes",   "becoming",    "suddenly",    "eventually", "until",      "before",
      "starts",        "begins",    "later",       "alternating", "alternates", "shifts",     "contrast",
      "contrasting",   "halfway",   "accelerates", "initially",   "followed",   "end",        "first",
      "after",         "enters",    "pauses",      "stops",       "speeds",     "slows",      "intro",
      "transitioning", "building",  "joins",       "towards"};
  return std::any_of(caption.begin(), caption.end(),
                     [](const Word& word) { return words.contains(word.text); });
}

class Finder {
 public:
  Finder(std::span<const Word> caption, std::span<const TagWords> tags, const WordKnowledge& knowledge)
      : caption_(statements(caption)), whole_(caption), tags_(tags), knowledge_(knowledge) {}

  std::vector<std::string> find() {
    Stances of_tags, of_caption;
    for (const TagWords& tag : tags_)
      StanceReader(tag.all, tag.text).read(of_tags);
    StanceReader(caption_, {}).read(of_caption);
    const bool changes = tells_of_change(whole_);
    compare(of_tags, of_caption, changes);
    if (found_.empty()) {
      compare_acoustic();
      compare_negations(changes);
    }
    return std::move(found_);
  }

 private:
  void report(std::string_view given, std::string_view said) {
    std::string pair(given);
    pair.append(" / ").append(said);
    if (std::find(found_.begin(), found_.end(), pair) == found_.end()) found_.push_back(std::move(pair));
  }

  /// The tags have one of the two only, the caption the other only.
  void opposed(const Stances& tags, const Stances& caption, Stance a, Stance b) {
    if (!at(tags, a).empty() && at(tags, b).empty() && at(caption, a).empty() && !at(caption, b).empty()) {
      report(at(tags, a), at(caption, b));
    }
  }

  /// The caption says both, and no course of events explains it.
  void within(const Stances& tags, const Stances& caption, Stance a, Stance b) {
    if (at(caption, a).empty() || at(caption, b).empty()) return;
    if (!at(tags, a).empty() && !at(tags, b).empty()) return;
    report(at(caption, a), at(caption, b));
  }

  void compare(const Stances& tags, const Stances& caption, bool changes) {
    static constexpr std::array<std::array<Stance, 2>, 9> kOpposites = {
        {{Stance::voice, Stance::no_voice},
         {Stance::male, Stance::female},
         {Stance::fast, Stance::slow},
         {Stance::happy, Stance::sad},
         {Stance::low_quality, Stance::high_quality},
         {Stance::major, Stance::minor},
         {Stance::mono, Stance::stereo},
         {Stance::loud, Stance::quiet},
         {Stance::calm, Stance::aggressive}}};
    for (const auto& [a, b] : kOpposites) {
      opposed(tags, caption, a, b);
      opposed(tags, caption, b, a);
    }
    if (changes) return;
    within(tags, caption, Stance::voice, Stance::no_voice);
    within(tags, caption, Stance::fast, Stance::slow);
  }

  /// "acoustic guitar" given, "electric guitar" said, and no acoustic one beside it.
  void compare_acoustic() {
    compare_kind(Group::acoustic, Group::electric);
    compare_kind(Group::electric, Group::acoustic);
  }

  void compare_kind(Group given, Group said) {
    const auto speaks = [](std::span<const Word> words, Group group) {
      return std::any_of(words.begin(), words.end(), [&](const Word& w) { return has(w.implied, group); });
    };
    if (speaks(caption_, given)) return;
    for (const TagWords& tag : tags_) {
      if (speaks(tag.all, said)) return;
    }
    for (const TagWords& tag : tags_) {
      for (std::size_t i = 0; i + 1 < tag.all.size(); ++i) {
        if (!has(tag.all[i].groups, given) || tag.all[i].negated) continue;
        for (std::size_t j = 0; j + 1 < caption_.size(); ++j) {
          if (has(caption_[j].groups, said) && !caption_[j].negated &&
              caption_[j + 1].stem == tag.all[i + 1].stem) {
            report(tag.text, caption_[j].text + " " + caption_[j + 1].text);
          }
        }
      }
    }
  }

  /// "no drums" given and drums said, or the other way round.
  void compare_negations(bool changes) {
    for (const TagWords& tag : tags_) {
      const Word& head = tag.content.empty() ? kNoWord : tag.content.back();
      if (has(head.groups, Group::voice) || speaks_of_all(tag)) continue;  // voices: see above
      for (std::size_t i = 0; i < caption_.size(); ++i) {
        const Word& word = caption_[i];
        if (word.negated == head.negated || word.function) continue;
        if (head.negated ? all_said(tag, i) : is_denied(tag, head, i, changes)) {
          report(tag.text, (word.negated ? "no " : "") + word.text);
          break;
        }
      }
    }
  }

  /// "no other instruments", "no melody": too wide for words to prove it wrong.
  static bool speaks_of_all(const TagWords& tag) {
    static const WordSet wide = {"instrument",    "instrumentation", "melody",  "harmony", "music", "beat",
                                 "accompaniment", "frequency",       "musical", "rhythm",  "sound"};
    return tag.content.empty() || wide.contains(tag.content.back().lemma) ||
           std::any_of(tag.content.begin(), tag.content.end(),
                       [](const Word& word) { return has(word.groups, Group::solo); });
  }

  /// The words of a negated tag, affirmed around place `i` of the caption; and no other tag speaks of it.
  bool all_said(const TagWords& tag, std::size_t i) const {
    static const WordSet manners = {"percussive", "percussively", "rhythmic",
                                    "rhythmically"};  // "a percussive bass"
    if (manners.contains(caption_[i].text) || !expresses(caption_[i], tag.content.back(), knowledge_) ||
        given_elsewhere(tag, caption_[i])) {
      return false;
    }
    const std::size_t first = i - std::min<std::size_t>(i, 3);
    return std::all_of(tag.content.begin(), tag.content.end() - 1, [&](const Word& wanted) {
      return std::any_of(
          caption_.begin() + static_cast<long>(first), caption_.begin() + static_cast<long>(i),
          [&](const Word& word) { return !word.negated && expresses(word, wanted, knowledge_); });
    });
  }

  bool given_elsewhere(const TagWords& tag, const Word& word) const {
    return std::any_of(tags_.begin(), tags_.end(), [&](const TagWords& other) {
      return &other != &tag &&
             std::any_of(other.content.begin(), other.content.end(), [&](const Word& given) {
               return !given.negated && expresses(given, word, knowledge_);
             });
    });
  }

  /// The caption denies at `i` what the tag affirms: "no strings" where "violin" is given, but not "no female
  /// vocals" where "male vocals" are; nor where the caption has the thing elsewhere.
  bool is_denied(const TagWords& tag, const Word& head, std::size_t i, bool changes) const {
    const Word& word = caption_[i];
    if (changes || word.stem != head.stem) return false;
    const bool narrowed = (i > 0 && caption_[i - 1].negated && same_clause(i - 1, i)) ||
                          (i + 1 < caption_.size() && caption_[i + 1].negated && same_clause(i, i + 1));
    if (narrowed || tag.content.size() > 1) return false;
    return std::none_of(caption_.begin(), caption_.end(), [&](const Word& other) {
      return !other.negated && !other.function && expresses(other, head, knowledge_);
    });
  }

  bool same_clause(std::size_t a, std::size_t b) const {
    return caption_[a].sentence == caption_[b].sentence && !caption_[a].ends_clause;
  }

  static inline const Word kNoWord;

  std::vector<Word> caption_;  // what it states
  std::span<const Word> whole_;
  std::span<const TagWords> tags_;
  const WordKnowledge& knowledge_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> find_contradictions(std::span<const Word> caption, std::span<const TagWords> tags,
                                             const WordKnowledge& knowledge) {
  return Finder(caption, tags, knowledge).find();
}

}  // namespace lpmc
