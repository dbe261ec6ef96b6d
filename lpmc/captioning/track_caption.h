#pragma once

#include <span>
#include <string>

#include "lpmc/captioning/captions.h"

namespace lpmc {

/// One caption for the whole track: the consensus of its segments' best captions. No language
/// model: every sentence of it stands in some segment's caption.
///
/// The rule:
/// 1. Only sounding segments with words in their caption count, each with the weight of its
///    duration, so that a two-second tail says little.
/// 2. A word is a run of ASCII letters and digits or bytes over 127, lower-cased, apostrophes
///    dropped. The similarity of two captions is the F1 of their multisets of words and pairs of
///    neighbouring words: 2 |A and B| / (|A| + |B|).
/// 3. The base is the caption with the largest sum of weight x similarity over all counted
///    segments (itself included); of equal ones the earliest.
/// 4. Up to two sentences of other captions are appended, those with most support first (of equal
///    ones the earliest). Sentences are compared by their words without articles, pronouns,
///    forms of "be", prepositions and the like:
///    - A segment supports a sentence when one of its own sentences has all of those words, the
///      same negations ("no", "not", "without", ...), and an F1 of at least 0.5 with it.
///    - A sentence is appended when segments of more than half of the weight, two at least,
///      support it.
///    - Not appended is what the text so far says already (all its words are there), what is on the
///      same subject as one of its sentences (F1 of 0.25 or more: it would repeat or contradict
///      it), and what holds the opposite of one of its words (slow and fast, male and female, ...).
///
/// Equal captions count once, with their weights added. Of more than 4,096 different ones, evenly
/// spaced ones are compared, so the time is bounded: 3,600 different captions of 40 words take a
/// fraction of a second.
///
/// @return empty when no segment counts; the caption itself when all say the same
std::string track_caption(std::span<const Segment> segments);

}  // namespace lpmc
