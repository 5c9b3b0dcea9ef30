"""Writes what transformers computes for checkpoints of test/fixtures/checkpoints under interventions, into test/fixtures/interventions.

    python test/support/makeInterventions.py

Needs torch, transformers 5.23, safetensors and tokenizers. test/fixtures/README.md says what the files hold. An intervention is made in
the reference's own modules: in what its routers project, choose and bias, in what its experts are given, in what its shared experts
give. Layers are counted among those with experts.
"""

import contextlib
import json
import math
import re
from pathlib import Path
from unittest import mock

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer

FIXTURES = Path(__file__).parents[1] / "fixtures"


def ramp(experts, step):
    """A bias that favours the last experts."""
    return [round(step * (e - experts // 2), 4) for e in range(experts)]


def softmax(logits):
    return logits.float().softmax(-1)


# By checkpoint: index of the text, scores of the router, and the interventions.
CASES = {
    "mixtral": (1, softmax, [
        {"masked": [{"layer": 1, "expert": 3}, {"layer": 1, "expert": 5}, {"layer": 3, "expert": 0}]},
        {"silenced": [{"layer": 0, "expert": 2}]},
        {"bias": [{"layer": 0, "values": ramp(8, 0.05)}, {"layer": 2, "values": ramp(8, -0.1)}]},
        {"temperature": 2.5},
        {"k": 1},
        {"k": 4, "layers": [0, 3]},
        {"capacity": {"factor": 1, "policy": "position"}},
        {"capacity": {"factor": 0.6, "policy": "weight"}},
        {"capacity": {"factor": 1, "policy": "reroute"}},
        {"k": 3, "temperature": 0.5, "capacity": {"factor": 0.8, "policy": "reroute"}, "layers": [1, 2]},
    ]),
    "glm4_moe-odd": (0, torch.sigmoid, [
        {"capacity": {"factor": 1, "policy": "weight"}},
        {"capacity": {"factor": 0.9, "policy": "reroute"}},
    ]),
    "olmoe": (1, softmax, [
        {"masked": [{"layer": 0, "expert": 7}]},
        {"k": 6},
        {"capacity": {"factor": 0.75, "policy": "reroute"}},
        {"bias": [{"layer": 1, "values": ramp(16, 0.02)}]},
    ]),
    "deepseek_v3": (1, torch.sigmoid, [
        {"masked": [{"layer": 0, "expert": 1}, {"layer": 0, "expert": 9}]},
        {"bias": [{"layer": 1, "values": ramp(16, 0.05)}]},
        {"temperature": 0.5},
        {"k": 2},
        {"k": 6},
        {"withoutShared": True, "layers": [1]},
        {"capacity": {"factor": 1.1, "policy": "reroute"}},
        {"capacity": {"factor": 1.1, "policy": "weight"}},
    ]),
    "gpt_oss": (1, softmax, [
        {"masked": [{"layer": 2, "expert": 4}]},
        {"bias": [{"layer": 0, "values": ramp(8, 0.05)}]},
        {"temperature": 3},
        {"k": 2},
    ]),
    "phimoe": (1, softmax, [
        {"masked": [{"layer": 0, "expert": 6}]},
        {"temperature": 1.5},
        {"silenced": [{"layer": 3, "expert": 1}]},
    ]),
    "phimoe-near": (0, softmax, [{"masked": [{"layer": 0, "expert": 0}, {"layer": 1, "expert": 5}]}, {"temperature": 4}]),
    "qwen2_moe": (1, softmax, [{"withoutShared": True}, {"k": 7}, {"masked": [{"layer": 2, "expert": 0}]}]),
    "llama4_text": (1, torch.sigmoid, [
        {"masked": [{"layer": 0, "expert": 4}]},
        {"withoutShared": True, "layers": [0]},
        {"k": 3},
        {"temperature": 2},
    ]),
    "switch_transformers": (1, softmax, [
        {"masked": [{"layer": 0, "expert": 2}, {"layer": 3, "expert": 1}]},
        {"temperature": 2},
        {"capacity": {"factor": 0.7, "policy": "position"}, "layers": [0, 1]},
    ]),
}


class Intervened:
    """A model with its routers and experts in reach, layer after layer."""

    def __init__(self, model, scores):
        self.model, self.scores = model, scores
        blocks = [m for _, m in model.named_modules() if any(hasattr(m, r) for r in ("gate", "router")) and hasattr(m, "experts")]
        self.blocks = blocks
        self.visited = {}
        self.logits = {}

    def router(self, layer):
        block = self.blocks[layer]
        return block.gate if hasattr(block, "gate") else block.router

    @contextlib.contextmanager
    def under(self, intervention):
        with contextlib.ExitStack() as stack:
            for layer, block in enumerate(self.blocks):
                within = layer in intervention.get("layers", range(len(self.blocks)))
                general = {k: v for k, v in intervention.items() if k in ("k", "temperature", "capacity", "withoutShared")} if within else {}
                masked = [m["expert"] for m in intervention.get("masked", []) if m["layer"] == layer]
                silenced = [m["expert"] for m in intervention.get("silenced", []) if m["layer"] == layer]
                bias = next((torch.tensor(b["values"]) for b in intervention.get("bias", []) if b["layer"] == layer), None)
                self.patch_router(stack, layer, masked, bias, general)
                self.patch_experts(stack, layer, silenced, general.get("capacity"))
                if general.get("withoutShared"):
                    shared = getattr(block, "shared_expert", None) or block.shared_experts
                    handle = shared.register_forward_hook(lambda _, args, output: torch.zeros_like(output))
                    stack.callback(handle.remove)
            yield

    def patch_router(self, stack, layer, masked, bias, general):
        router, forward = self.router(layer), self.router(layer).forward
        linear, topk = torch.nn.functional.linear, torch.topk

        def projected(*args, **kwargs):
            logits = linear(*args, **kwargs) / general.get("temperature", 1)
            logits[..., masked] = -torch.inf
            self.logits[layer] = logits.detach().reshape(-1, logits.shape[-1])
            return logits

        def chosen(values, *args, **kwargs):
            if bias is None:
                return topk(values, *args, **kwargs)
            # The bias has a say in the choice of experts alone, on the scale of the scores.
            index = topk(self.scores(self.logits[layer]) + bias, *args, **kwargs).indices
            return torch.return_types.topk((values.gather(-1, index), index))

        def routed(*args, **kwargs):
            with mock.patch("torch.nn.functional.linear", projected):
                if hasattr(router, "e_score_correction_bias"):
                    return forward(*args, **kwargs)
                with mock.patch("torch.topk", chosen):
                    return forward(*args, **kwargs)

        stack.enter_context(mock.patch.object(router, "forward", routed))
        if "k" in general:
            stack.enter_context(mock.patch.object(router, "top_k", general["k"]))
        if "capacity" in general and hasattr(router, "expert_capacity"):
            stack.enter_context(mock.patch.object(router, "expert_capacity", ("factor", general["capacity"]["factor"])))
        own = getattr(router, "e_score_correction_bias", None)
        if own is not None:
            changed = own.detach().clone() + (bias if bias is not None else 0)
            changed[masked] = -torch.inf
            stack.enter_context(mock.patch.object(router, "e_score_correction_bias", changed))

    def patch_experts(self, stack, layer, silenced, capacity):
        def change(module, args):
            if isinstance(module, torch.nn.ModuleDict):  # Switch: one-hot [T, 1, E], zeros where there is no room
                index = torch.where(args[1].sum(-1) > 0, args[1].argmax(-1), -1)
                self.visited[layer] = index.int()
                return None
            if len(args) < 3:  # Llama 4: all experts get all tokens, most of them times 0
                scores = self.scores(self.logits[layer])
                self.visited[layer] = scores.topk(self.router(layer).top_k).indices.int()
                return None
            hidden, index, weights = args
            if capacity:
                selection = self.scores(self.logits[layer]) + getattr(self.router(layer), "e_score_correction_bias", 0)
                index, weights = limited(index, weights, self.scores(self.logits[layer]), self.open_groups(layer, selection), **capacity)
            self.visited[layer] = torch.where(index < 0, -1, index).int()
            for expert in silenced:
                weights = torch.where(index == expert, 0, weights)
            return hidden, index.clamp(min=0), weights

        handle = self.blocks[layer].experts.register_forward_pre_hook(change)
        stack.callback(handle.remove)

    def open_groups(self, layer, selection):
        """Selection scores, -inf outside of the groups that DeepSeek's routers choose from."""
        router = self.router(layer)
        if getattr(router, "num_group", 1) == 1:
            return selection
        grouped = selection.view(len(selection), router.num_group, -1)
        best = grouped.topk(2).values.sum(-1).topk(router.topk_group).indices
        kept = torch.zeros(grouped.shape[:2]).scatter(1, best, 1).bool()
        return grouped.masked_fill(~kept[..., None], -torch.inf).flatten(1)


def limited(index, weights, scores, selection, factor, policy):
    """Experts and weights of slots [T, k] when each expert takes ceil(factor * T * k / E) of them; -1 and 0 where there is no room."""
    tokens, k = index.shape
    experts = scores.shape[-1]
    room = [math.ceil(round(factor * tokens * k / experts, 9))] * experts
    slots = [(t, j) for t in range(tokens) for j in range(k)]
    # Within a token the heaviest slot comes first: it matters to re-routing alone.
    slots.sort(key=lambda s: -weights[s].item() if policy == "weight" else (s[0], -weights[s].item()))
    new_index, new_weights = torch.full_like(index, -1), torch.zeros_like(weights)
    left = []
    for slot in slots:
        expert = index[slot].item()
        if room[expert] > 0:
            room[expert] -= 1
            new_index[slot], new_weights[slot] = expert, weights[slot]
        else:
            left.append(slot)
    if policy == "reroute":
        for t, j in left:
            chosen = index[t].tolist()
            others = [e for e in selection[t].argsort(descending=True).tolist() if e not in chosen and selection[t, e] > -torch.inf]
            taken = new_index[t].tolist()
            free = [e for e in others[: min(k, experts - k)] if room[e] > 0 and e not in taken]
            if free:
                room[free[0]] -= 1
                new_index[t, j] = free[0]
                # On the scale of the chosen: normalising and scaling multiply all scores of a token alike.
                new_weights[t, j] = scores[t, free[0]] * weights[t, 0] / scores[t, index[t, 0]]
    return new_index, new_weights


def log_probs(model, config, ids):
    """Log-probability of each token given those before it, in nats; NaN where there is none."""
    with torch.no_grad():
        if config.is_encoder_decoder:
            start = config.decoder_start_token_id
            logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[start, *ids]]), use_cache=False).logits[0, :-1]
            return logits.float().log_softmax(-1)[range(len(ids)), ids]
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, :-1]
        return torch.cat([torch.tensor([torch.nan]), logits.float().log_softmax(-1)[range(len(ids) - 1), ids[1:]]])


def main():
    for name, (text, scores, interventions) in CASES.items():
        folder = FIXTURES / "checkpoints" / name
        config = transformers.AutoConfig.from_pretrained(folder)
        auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
        settings = {} if config.is_encoder_decoder else {"attn_implementation": "eager", "experts_implementation": "eager"}
        model = auto.from_pretrained(folder, dtype=torch.float32, **settings).eval()
        input_text = json.loads((folder / "reference.json").read_text())["inputs"][text]
        ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(input_text, add_special_tokens=True).ids
        intervened = Intervened(model, scores)
        tensors = {}
        for i, intervention in enumerate([{}, *interventions]):
            capacity = intervention.get("capacity")
            with intervened.under(intervention):
                for layer in range(len(intervened.blocks)):
                    router = intervened.router(layer)
                    if capacity and isinstance(getattr(router, "expert_capacity", None), tuple):
                        router.expert_capacity = math.ceil(capacity["factor"] * len(ids) / router.num_experts)
                tensors[f"logprob.{i}"] = log_probs(model, config, ids).contiguous()
            for layer, index in intervened.visited.items():
                # The decoder's first token is no token of the text.
                tensors[f"visited.{i}.{layer}"] = index[-len(ids):].contiguous()
        out = FIXTURES / "interventions" / name
        save_file(tensors, f"{out}.safetensors")
        facts = {"checkpoint": name, "transformers": transformers.__version__, "torch": torch.__version__}
        inputs = {"inputs": [input_text], "interventions": [{}, *interventions]}
        Path(f"{out}.json").write_text(json.dumps({**facts, **inputs}, indent=1, ensure_ascii=False) + "\n")
        print(name, len(ids), [round((t - tensors["logprob.0"]).nansum().item(), 3) for n, t in tensors.items() if n.startswith("logprob")])


main()
