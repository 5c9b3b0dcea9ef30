"""Writes test/fixtures/recordings with numpy and torch, which the readers are tested against.

Usage: python test/support/makeRecordings.py       Needs: numpy, torch.
Routing, unless said otherwise: 5 tokens, 3 layers, top-2 of 4 experts; token t at layer l goes to (t + l) % 4 and (t + l + 1) % 4.
The dumps are laid out as SGLang's expert distribution recorder writes them; no SGLang ran.
"""
import os, pickle
from pathlib import Path
import numpy as np, torch

OUT = Path(__file__).parent.parent / "fixtures" / "recordings"
OUT.mkdir(exist_ok=True)
T, L, E, K = 5, 3, 4, 2
ids = np.array([[[(t + l) % E, (t + l + 1) % E] for l in range(L)] for t in range(T)], np.int32)
for dtype in ("|u1", "<u2", "<i2", "<i4", "<i8", ">i4"): np.save(OUT / f"ids-{dtype[1:]}{'-big' if dtype[0] == '>' else ''}.npy", ids.astype(dtype))
np.save(OUT / "ids-fortran.npy", np.asfortranarray(ids))
np.savez_compressed(OUT / "ids.npz", routed_experts=ids, token_ids=np.arange(10, 10 + T))
np.savez(OUT / "ids-stored.npz", ids)
np.save(OUT / "counts.npy", np.arange(L * E).reshape(L, E))
np.save(OUT / "words.npy", np.array(["router", "expert"]))

# Two steps of three, room for a third; layer 0 is dense.
logical = torch.zeros(3, L, E, dtype=torch.int32)
logical[0, 1] = torch.tensor([4, 2, 0, 0]); logical[0, 2] = torch.tensor([1, 1, 1, 3])
logical[1, 1] = torch.tensor([0, 6, 1, 1]); logical[1, 2] = torch.tensor([2, 2, 2, 2])
torch.save(dict(rank=0, logical_count=logical, average_utilization_rate_over_window=None), OUT / "sglang-stat.pt")
torch.save(dict(rank=0, logical_count=logical.transpose(0, 1).contiguous().transpose(0, 1), average_utilization_rate_over_window=0.5), OUT / "sglang-stat-strided.pt")
# Experts 0 to 3, and copies of 1 and 2 as physical experts 4 and 5.
p2l = torch.tensor([[0, 1, 2, 3, 1, 2]] * L)
def record(i, **more): return dict(forward_pass_id=i, rank=1, gatherer_key="primary", **more)
passes = [torch.tensor([[0] * 6, [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]], dtype=torch.int32), torch.tensor([[0] * 6, [1] * 6, [2] * 6], dtype=torch.int32)]
torch.save(dict(records=[record(i, global_physical_count=p) for i, p in enumerate(passes)], last_physical_to_logical_map=p2l), OUT / "sglang-per_pass.pt")
topk = torch.full((L, T, 8), -1, dtype=torch.int32); topk[1:, :, :K] = torch.from_numpy(ids.transpose(1, 0, 2)[1:].copy())
topk[1, 0, :2] = torch.tensor([4, 5])  # copies of 1 and 2
meta = [dict(input_ids=[7, 8, 9], positions=[0, 1, 2], extend_seq_lens=[3], forward_mode=1), dict(input_ids=[5, 6], positions=[0, 1], extend_seq_lens=[2], forward_mode=1)]
torch.save(dict(records=[record(i, **m, topk_ids_of_layer=topk[:, a:b].clone(), misc_objects=[]) for i, (m, a, b) in enumerate(zip(meta, (0, 3), (3, 5)))], last_physical_to_logical_map=p2l), OUT / "sglang-per_token.pt")

class Harm:
    def __reduce__(self): return os.system, ("exit 1",)
torch.save(dict(rank=0, logical_count=Harm()), OUT / "harm.pt")
(OUT / "counts.csv").write_text("layer_id,expert_id,count\n" + "".join(f"{l},{e},{l * E + e}\n" for l in range(L) for e in range(E)))

# One answer in every form: vllm-0.27.1.json is what a real server said. The others hold the same, as vLLM 0.21 and SGLang are
# documented to say it; neither was run.
import base64, io, json
said = json.loads((OUT / "vllm-0.27.1.json").read_text())
choice = said["choices"][0]
routed = np.load(io.BytesIO(base64.b64decode(choice["routed_experts"])))
nested = {k: v for k, v in said.items() if k != "choices"} | {
    "prompt_routed_experts": routed.astype(int).tolist(),
    "choices": [{k: v for k, v in choice.items() if k != "routed_experts"} | {"routed_experts": [[[-1] * routed.shape[2]] * routed.shape[1]]}],
}
(OUT / "vllm-0.21.json").write_text(json.dumps(nested))
triples = [[None, choice["prompt_token_ids"][0], "def"]] + [
    [p[str(i)]["logprob"], i, p[str(i)]["decoded_token"]] for p, i in zip(choice["prompt_logprobs"][1:], choice["prompt_token_ids"][1:])
]
for dtype in ("int32", "uint8"):
    meta = dict(id="0", prompt_tokens=43, completion_tokens=1, cached_tokens=0, finish_reason=dict(type="length", length=1), input_token_logprobs=triples,
        output_token_logprobs=[[-2.2, choice["token_ids"][0], choice["text"]]], routed_experts=base64.b64encode(routed.astype(dtype).tobytes()).decode())
    if dtype != "int32": meta["routed_experts_dtype"] = dtype
    (OUT / f"sglang-{dtype}.json").write_text(json.dumps(dict(text=choice["text"], output_ids=choice["token_ids"], meta_info=meta)))
