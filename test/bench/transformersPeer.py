"""What a Python user would run instead, answering one question a line of standard input: how long does it take?

Usage: python transformersPeer.py CHECKPOINT THREADS, then lines of JSON:
    {"experts": IMPLEMENTATION, "ids": [...], "decode": 0}    prefill, with router logits and every token's log-probability
    {"experts": IMPLEMENTATION, "ids": [...], "decode": 64}   generates so many tokens after them, greedily, with router logits
Each is answered by a line {"ms", "cpu"}: wall time and processor time, in milliseconds; of a token where tokens are generated.
"""
import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM

checkpoint, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
for line in sys.stdin:
    asked = json.loads(line)
    experts, count = asked["experts"], asked["decode"]
    # A prompt is prefilled as fast as it can be, whatever generates after it.
    model.set_experts_implementation("grouped_mm" if count > 0 else experts)
    tokens = torch.tensor([asked["ids"]])
    with torch.inference_mode():
        if count > 0:
            out = model(tokens, use_cache=True)
            model.set_experts_implementation(experts)
        wall, cpu = time.perf_counter(), time.process_time()
        if count == 0:
            logits = model(tokens, output_router_logits=True, use_cache=True).logits[0]
            logits[:-1].log_softmax(-1).gather(1, tokens[0, 1:, None])
        for _ in range(count):
            following = out.logits[:, -1:].argmax(-1)
            out = model(following, past_key_values=out.past_key_values, output_router_logits=True, use_cache=True)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    each = 1e3 / max(1, count)
    print(json.dumps({"ms": wall * each, "cpu": cpu * each}), flush=True)
