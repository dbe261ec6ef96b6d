#!/usr/bin/env python3
"""Times the original's training step: its network (transformers' BART over a convolution stack), its loss
and its optimizer, on Python's torch. scripts/compare_train_step.sh runs it in alternation with ours.

usage: compare_train_step.py [--batch 8] [--length 64] [--steps 5] [--shortest 0.5]

Prints one JSON object. The log-mel is random and given, as in ours: both start behind the front end.
"""
import argparse
import json
import resource
import statistics
import sys
import time

import torch
from transformers import BartConfig, BartForConditionalGeneration


class Network(torch.nn.Module):
    """The published size: six convolutions, sinusoids, bart-base."""

    def __init__(self, config):
        super().__init__()
        width = config.d_model
        self.conv1 = torch.nn.Conv1d(128, width, 3, padding=1)
        self.conv_stack = torch.nn.ModuleList(
            [torch.nn.Conv1d(width, width, 3, stride=2, padding=1) for _ in range(5)])
        self.register_buffer("positional_embedding", torch.zeros(32, width))
        self.bart = BartForConditionalGeneration(config)
        self.loss_fn = torch.nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=-100)

    def forward(self, log_mel, ids, mask):
        x = torch.nn.functional.gelu(self.conv1(log_mel))
        for convolution in self.conv_stack:
            x = torch.nn.functional.gelu(convolution(x))
        x = x.permute(0, 2, 1) + self.positional_embedding
        encoded = self.bart.model.encoder(inputs_embeds=x, return_dict=True)["last_hidden_state"]
        targets = ids.masked_fill(ids == 1, -100)
        shifted = torch.cat([torch.full_like(ids[:, :1], 2), ids[:, :-1]], 1)
        hidden = self.bart.model.decoder(
            input_ids=shifted, attention_mask=mask, encoder_hidden_states=encoded, return_dict=True,
        )["last_hidden_state"]
        logits = self.bart.lm_head(hidden) + self.bart.final_logits_bias
        return self.loss_fn(logits.view(-1, logits.size(-1)), targets.view(-1))


def texts(batch, length, shortest, vocab):
    ids = torch.full((batch, length), 1, dtype=torch.int64)
    for item in range(batch):
        share = item / (batch - 1) if batch > 1 else 1.0
        tokens = int(length * (shortest + (1 - shortest) * share))
        for t in range(tokens):
            ids[item, t] = 4 + (item * 7919 + t * 104729) % (vocab - 5)
        ids[item, 0] = 0
        ids[item, tokens - 1] = 2
    return ids, (ids != 1).long()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--shortest", type=float, default=0.5)
    options = parser.parse_args()
    torch.manual_seed(1)
    config = BartConfig(
        d_model=768, encoder_layers=6, decoder_layers=6, encoder_attention_heads=12,
        decoder_attention_heads=12, encoder_ffn_dim=3072, decoder_ffn_dim=3072, vocab_size=50265,
        max_position_embeddings=1024, dropout=0.1, attention_dropout=0.1, activation_dropout=0.1)
    network = Network(config).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    log_mel = torch.randn(options.batch, 128, 1001) * 10 - 30
    ids, mask = texts(options.batch, options.length, options.shortest, config.vocab_size)
    parts = {"forward_s": [], "backward_s": [], "optimizer_s": [], "step_s": []}
    for step in range(options.steps + 1):  # the first warms up
        start = time.perf_counter()
        loss = network(log_mel, ids, mask)
        forward = time.perf_counter()
        optimizer.zero_grad()
        loss.backward()
        backward = time.perf_counter()
        optimizer.step()
        end = time.perf_counter()
        print(f"step {step}: loss {loss.item():.4f}, {end - start:.3f} s", file=sys.stderr)
        if step == 0:
            continue
        for key, value in zip(parts, (forward - start, backward - forward, end - backward, end - start)):
            parts[key].append(value)
    result = {key: round(statistics.median(values), 4) for key, values in parts.items()}
    result["fastest_step_s"] = round(min(parts["step_s"]), 4)
    result["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result["threads"] = torch.get_num_threads()
    result["torch"] = torch.__version__
    print(json.dumps(result))


if __name__ == "__main__":
    main()
