#!/usr/bin/env python3
"""Holds the captions of int8 and bf16 arithmetic against those of f32, beam 5, on real music.

usage: check_dtypes.py [--model M] [--hop SECONDS] [--dtypes bf16,int8] AUDIO...

Prints a table: the share of segments whose caption is the same token for token, the share that is the
same or differs in score by less than 0.02, the score differences where captions differ, and corpus
BLEU-4 against the f32 captions (one reference, no smoothing, tokens split as mteval-v13a does: at
white space and around punctuation outside numbers; case is kept). Ends with 1 where fewer than 95 % of
segments are the same or within 0.02. $LPMC names the program (default build/release/bin/lpmc).
"""
import argparse, collections, json, math, os, pathlib, re, subprocess, sys, tempfile

ALLOWED_SCORE_DIFFERENCE = 0.02
REQUIRED_SHARE = 0.95


def captions(program, arguments, dtype, folder):
    """Segments that are not silent, of all files in order: (tokens, score, text)."""
    output = pathlib.Path(folder) / f"{dtype}.jsonl"
    subprocess.run(
        [program, "caption", "--model", arguments.model, "--dtype", dtype, "--num-beams", "5", "--tokens",
         "--hop", str(arguments.hop), "--format", "jsonl", "--progress", "none", "-o", str(output), "--"]
        + arguments.audio, check=True)
    files = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    return [(segment["tokens"], segment["score"], segment["text"])
            for file in files for segment in file["segments"] if not segment["silent"]]


def words(text):
    return re.sub(r"([^\w\s.,'-]|[.,](?!\d)|(?<!\d)[.,])", r" \1 ", text).split()


def corpus_bleu(hypotheses, references):
    matches, totals = [0] * 4, [0] * 4
    hypothesis_length = reference_length = 0
    for hypothesis, reference in zip(hypotheses, references):
        hypothesis_length += len(hypothesis)
        reference_length += len(reference)
        for n in range(1, 5):
            found, there = (collections.Counter(tuple(line[i:i + n]) for i in range(len(line) - n + 1))
                            for line in (hypothesis, reference))
            matches[n - 1] += sum((found & there).values())
            totals[n - 1] += sum(found.values())
    if min(matches) == 0:
        return 0.0
    brevity = min(0.0, 1 - reference_length / hypothesis_length)
    return 100 * math.exp(brevity + sum(math.log(m / t) for m, t in zip(matches, totals)) / 4)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def compare(dtype, found, expected):
    """Prints a row of the table; true where the requirement holds."""
    same = [a[0] == b[0] for a, b in zip(found, expected)]
    differences = [abs(a[1] - b[1]) for a, b, equal in zip(found, expected, same) if not equal]
    all_differences = [abs(a[1] - b[1]) for a, b in zip(found, expected)]
    good = sum(same) + sum(d < ALLOWED_SCORE_DIFFERENCE for d in differences)
    bleu = corpus_bleu([words(a[2]) for a in found], [words(b[2]) for b in expected])
    mean = sum(differences) / len(differences) if differences else 0.0
    print(f"| {dtype} | {sum(same)} of {len(same)} ({sum(same) / len(same):.1%}) | {good} ({good / len(same):.1%}) "
          f"| {mean:.4f} | {percentile(differences, 0.5):.4f} | {percentile(differences, 0.95):.4f} "
          f"| {max(differences, default=0.0):.4f} | {percentile(all_differences, 0.95):.4f} | {bleu:.2f} |")
    return good >= REQUIRED_SHARE * len(same)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", nargs="+", metavar="AUDIO")
    parser.add_argument("--model", default="default")
    parser.add_argument("--hop", type=float, default=0, help="seconds between segments; 0 = no overlap")
    parser.add_argument("--dtypes", default="bf16,int8")
    arguments = parser.parse_args()
    program = os.environ.get("LPMC", "build/release/bin/lpmc")
    with tempfile.TemporaryDirectory() as folder:
        expected = captions(program, arguments, "f32", folder)
        if not expected:
            sys.exit("check_dtypes: no segment to compare")
        print(f"{len(expected)} segments of {len(arguments.audio)} files, "
              f"{len(set(text for _, _, text in expected))} different f32 captions\n")
        print("| arithmetic | same tokens | same, or score within 0.02 | where they differ: mean | median | 95 % | most "
              "| all segments: 95 % | BLEU-4 |")
        print("|---|---|---|---|---|---|---|---|---|")
        good = [compare(dtype, captions(program, arguments, dtype, folder), expected)
                for dtype in arguments.dtypes.split(",")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
