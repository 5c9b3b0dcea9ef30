"""What a Python user would run instead: prefill with router logits. One JSON line a run; see engine.bench.ts.

Usage: python transformersPrefill.py CHECKPOINT TEXT THREADS TOKENS...
"""
import json
import sys
import time

import torch
import transformers
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

checkpoint, text, threads, *counts = sys.argv[1:]
torch.set_num_threads(int(threads))
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
with open(text, encoding="utf-8") as file:
    ids = Tokenizer.from_file(f"{checkpoint}/tokenizer.json").encode(file.read()).ids
# grouped_mm is transformers' default and its fastest way through the experts on a CPU; eager is the reference.
for experts in ("grouped_mm", "eager"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, experts_implementation=experts).eval()
    for count in map(int, counts):
        tokens = torch.tensor([(ids * (count // len(ids) + 1))[:count]])
        best = float("inf")
        with torch.inference_mode():
            for _ in range(9):
                start = time.perf_counter()
                logits = model(tokens, output_router_logits=True, use_cache=True).logits[0]
                # The engine gives every token's log-probability, too.
                logits[:-1].log_softmax(-1).gather(1, tokens[0, 1:, None])
                best = min(best, time.perf_counter() - start)
        print(json.dumps({"experts": experts, "tokens": count, "ms": best * 1e3}), flush=True)
