"""How a picture is laid out: symmetry, where the detail sits, borders, proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reward_engine.features.statistics.detail import gradient
from reward_engine.features.statistics.picture import Picture


def arrangement(picture: Picture) -> dict[str, float]:
    """Measure the layout of a picture."""
    small = picture.small
    result = {
        "mirror_left_right": _correlation(small, small[:, ::-1]),
        "mirror_top_bottom": _correlation(small, small[::-1]),
        "mirror_both": _correlation(small, small[::-1, ::-1]),
        "log_pixels": float(np.log(picture.width * picture.height)),
        "log_aspect": float(np.log(picture.width / picture.height)),
    }
    result.update(_center_of_detail(small))
    result.update(_borders(picture.luma))
    return result


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    a = a - a.mean()
    b = b - b.mean()
    scale = float(np.sqrt((a * a).sum(dtype=np.float64) * (b * b).sum(dtype=np.float64)))
    return float((a * b).sum(dtype=np.float64) / scale) if scale > 1e-6 else 1.0


def _center_of_detail(small: NDArray[np.float32]) -> dict[str, float]:
    energy = gradient(small).astype(np.float64)
    total = energy.sum()
    if total < 1e-6:
        return dict.fromkeys(
            ("detail_x", "detail_y", "detail_off_center", "detail_spread", "detail_middle", "detail_on_thirds"), 0.0
        )
    share = energy / total
    height, width = share.shape
    y = np.linspace(-1.0, 1.0, height)[:, None]
    x = np.linspace(-1.0, 1.0, width)[None, :]
    cx, cy = float((share * x).sum()), float((share * y).sum())
    spread = float(np.sqrt((share * ((x - cx) ** 2 + (y - cy) ** 2)).sum()))
    middle = share[height // 4 : -height // 4, width // 4 : -width // 4].sum() * 4.0
    thirds = np.exp(-(((np.abs(x) - 1 / 3) ** 2 + (np.abs(y) - 1 / 3) ** 2) / 0.03))
    return {
        "detail_x": cx,
        "detail_y": cy,
        "detail_off_center": float(np.hypot(cx, cy)),
        "detail_spread": spread,
        "detail_middle": float(middle),  # 1 where the middle quarter has its even share
        "detail_on_thirds": float((share * thirds).sum() / thirds.mean()),
    }


def _borders(luma: NDArray[np.float32]) -> dict[str, float]:
    rows, columns = luma.std(axis=1), luma.std(axis=0)
    bars = 0.0
    for deviation, length in ((rows, len(rows)), (columns, len(columns))):
        flat = deviation < 0.01
        for side in (flat, flat[::-1]):
            run = int(np.argmin(side)) if not side.all() else length
            bars = max(bars, run / length)
    edge = np.concatenate([luma[:4].ravel(), luma[-4:].ravel(), luma[:, :4].ravel(), luma[:, -4:].ravel()])
    inside = luma[luma.shape[0] // 4 : -luma.shape[0] // 4, luma.shape[1] // 4 : -luma.shape[1] // 4]
    return {
        "flat_border": bars,
        "border_deviation": float(edge.std()),
        "vignette": float(inside.mean() - edge.mean()),
    }
