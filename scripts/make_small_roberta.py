#!/usr/bin/env python3
"""Makes a small random RoBERTa and the numbers that Hugging Face's own code gives for it.

usage: make_small_roberta.py FOLDER          (the repository's: tests/data/roberta_small)
needs: torch, transformers, safetensors

FOLDER gets config.json, model.safetensors, vocab.json and merges.txt as a RoBERTa folder has them, and
  expected.safetensors  "TEXT.LAYER": hidden states [tokens, width]; layer 0 is the embeddings' output
  expected.json         texts with token ids, and BERTScore of pairs: plain, with idf, rescaled, several
                        references
BERTScore is written out below from its definition: bert_score 0.3.13 is not needed.
"""
import collections, json, math, pathlib, re, sys

import torch
from safetensors.torch import save_file
from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

SEED = 5
LAYER = 2  # of 3: the one above must not be looked at
MERGES = 60
BASELINE = (0.4, 0.41, 0.42)
PAIRS = [
    ("a slow piano ballad with soft vocals", ["The low quality recording features a slow piano ballad."]),
    ("loud drums, electric guitar.", ["A rock song: loud drums and an electric guitar solo!", "drums"]),
    ("  naïve café 🎹 loop\n", ["the piano loop sounds naïve"]),
    ("", ["silence"]),
    ("drums", [" \t"]),
    ("the same words", ["the same words", "other words", "the words"]),
    ("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
     ["a long text that is cut because the model takes no more than thirty tokens of it, whatever follows"]),
    ("a b <pad> c", ["<s> a b c </s>"]),
]


def byte_alphabet():
    """GPT-2's characters for bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def learn_merges(texts):
    alphabet = byte_alphabet()
    words = collections.Counter(w for t in texts for w in re.findall(r" ?\w+", " " + t.strip()))
    split = {w: [alphabet[b] for b in w.encode()] for w in words}
    merges = []
    for _ in range(MERGES):
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(split[word], split[word][1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        for word, tokens in split.items():
            i = 0
            while i + 1 < len(tokens):
                if (tokens[i], tokens[i + 1]) == best:
                    tokens[i:i + 2] = ["".join(best)]
                i += 1
    return merges


def write_vocabulary(folder, texts):
    merges = learn_merges(texts)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *byte_alphabet().values()]
    tokens += [t for t in dict.fromkeys(a + b for a, b in merges) if t not in tokens]
    tokens.append("<mask>")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(tokens)


def write_tensors(path, tensors):
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors makes its files for the owner alone


def make_model(folder, vocab_size):
    torch.manual_seed(SEED)
    config = RobertaConfig(
        vocab_size=vocab_size, hidden_size=30, num_hidden_layers=3, num_attention_heads=3,
        intermediate_size=44, max_position_embeddings=32, type_vocab_size=1, layer_norm_eps=1e-3,
        hidden_act="gelu", bos_token_id=0, pad_token_id=1, eos_token_id=2)
    model = RobertaModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            scale = 0.7 if "embeddings" in name else 1.2 / math.sqrt(weight.shape[-1]) if weight.dim() > 1 else 0.2
            weight.normal_(0, scale)
            if name.endswith("LayerNorm.weight"):
                weight += 1
    write_tensors(folder / "model.safetensors",
                  {k: v.contiguous() for k, v in model.state_dict().items() if v.is_floating_point()})
    fields = ("model_type vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size "
              "max_position_embeddings type_vocab_size layer_norm_eps hidden_act bos_token_id pad_token_id "
              "eos_token_id").split()
    (folder / "config.json").write_text(
        json.dumps({f: getattr(config, f) for f in fields}, indent=2) + "\n", encoding="utf-8")
    return model


def encode(tokenizer, text, longest):
    text = text.strip()
    ids = tokenizer.encode(" " + text if text else "", add_special_tokens=False)
    return [0, *ids[:longest - 2], 2]


def greedy(prediction, reference, weights):
    """P, R, F of two (token ids, embeddings)."""
    (a, x), (b, y) = prediction, reference
    if len(a) == 2 or len(b) == 2:
        return (0.0, 0.0, 0.0)
    x, y = (v / v.norm(dim=1, keepdim=True) for v in (x.double(), y.double()))
    similarity = x @ y.T
    wa, wb = (torch.tensor([weights(t) for t in ids], dtype=torch.float64) for ids in (a, b))
    p = float((similarity.max(dim=1).values * wa).sum() / wa.sum())
    r = float((similarity.max(dim=0).values * wb).sum() / wb.sum())
    f = 2 * p * r / (p + r) if p + r else 0.0
    return (p, r, f)


def score(pairs, embedded, weights):
    scores = []
    for prediction, references in pairs:
        each = [greedy(embedded[prediction], embedded[r], weights) for r in references]
        scores.append([max(values) for values in zip(*each)])
    return scores


def write_expected(path, expected):
    """A line an entry."""
    line = lambda value: json.dumps(value, ensure_ascii=False)
    text = lambda value: ("[\n  " + ",\n  ".join(map(line, value)) + "]" if isinstance(value, list) else line(value))
    fields = ",\n".join(f" {line(key)}: {text(value)}" for key, value in expected.items())
    path.write_text("{\n" + fields + "\n}\n", encoding="utf-8")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    texts = list(dict.fromkeys(t for p, refs in PAIRS for t in (p, *refs)))
    model = make_model(folder, write_vocabulary(folder, texts))
    tokenizer = RobertaTokenizer.from_pretrained(folder)
    longest = model.config.max_position_embeddings - model.config.pad_token_id - 1
    states, embedded, entries = {}, {}, []
    for number, text in enumerate(texts):
        ids = encode(tokenizer, text, longest)
        with torch.no_grad():
            out = model(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), output_hidden_states=True)
        for layer, hidden in enumerate(out.hidden_states):
            states[f"{number}.{layer}"] = hidden[0].contiguous()
        embedded[text] = (ids, out.hidden_states[LAYER][0])
        entries.append({"text": text, "tokens": ids})
    documents = [set(embedded[r][0]) for _, refs in PAIRS for r in refs]
    idf = lambda t: math.log((len(documents) + 1) / (sum(t in d for d in documents) + 1))
    plain = score(PAIRS, embedded, lambda t: float(t not in (0, 2)))
    expected = {
        "layer": LAYER,
        "texts": entries,
        "pairs": [{"prediction": p, "references": refs} for p, refs in PAIRS],
        "baseline": BASELINE,
        "scores": plain,
        "scores_idf": score(PAIRS, embedded, idf),
        "scores_rescaled": [[(x - b) / (1 - b) for x, b in zip(s, BASELINE)] for s in plain],
    }
    write_tensors(folder / "expected.safetensors", states)
    write_expected(folder / "expected.json", expected)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
