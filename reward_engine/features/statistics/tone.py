"""Exposure, contrast and color."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.features.statistics.picture import Picture


def tone(picture: Picture) -> dict[str, float]:
    """Measure exposure, contrast and color of a picture."""
    return {**_exposure(picture.luma), **_color(picture.rgb)}


def _exposure(luma: NDArray[np.float32]) -> dict[str, float]:
    # From a fine histogram: percentiles of a third of a million floats would cost more than all the rest.
    bins = 1024
    counts = np.bincount((luma * np.float32(bins - 1e-2)).astype(np.int32).ravel(), minlength=bins)[:bins]
    cumulative = np.cumsum(counts) / luma.size
    levels = (np.arange(bins) + 0.5) / bins
    p01, p05, p25, p50, p75, p95, p99 = (
        float(levels[np.searchsorted(cumulative, share)]) for share in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    )
    share = counts / luma.size
    mean = float((share * levels).sum())
    deviation = float(np.sqrt((share * (levels - mean) ** 2).sum()))
    skew = float((share * ((levels - mean) / max(deviation, 1e-3)) ** 3).sum())
    return {
        "luma_mean": mean,
        "luma_log_mean": float(np.log(mean + 0.02)),  # a stop is a step, as the eye has it
        "luma_deviation": deviation,
        "luma_p01": p01,
        "luma_p05": p05,
        "luma_p25": p25,
        "luma_p50": p50,
        "luma_p75": p75,
        "luma_p95": p95,
        "luma_p99": p99,
        "luma_range": p99 - p01,
        "luma_skew": float(np.clip(skew, -10, 10)),
        "luma_entropy": entropy(counts.reshape(64, -1).sum(axis=1)),
        "clipped_dark": float(share[levels <= 4 / 255].sum()),
        "clipped_bright": float(share[levels >= 251 / 255].sum()),
        "contrast_relative": deviation / (mean + 0.05),
    }


def _color(rgb: NDArray[np.float32]) -> dict[str, float]:
    if min(rgb.shape[1:]) >= 64:
        rgb = rgb[:, ::2, ::2]  # color is coarse; a quarter of the pixels tells the same
    red, green, blue = rgb
    # Hasler & Süsstrunk 2003, "Measuring colorfulness in natural images", eq. for M(3).
    rg, yb = red - green, 0.5 * (red + green) - blue
    rg_mean, yb_mean = float(rg.mean(dtype=np.float64)), float(yb.mean(dtype=np.float64))
    colorfulness = float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg_mean, yb_mean))
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    saturation = (high - low) / np.maximum(high, np.float32(0.02))
    means = rgb.mean(axis=(1, 2), dtype=np.float64)
    # Hue by the angle in the opponent plane, weighted by how much color there is to have a hue.
    angle = np.arctan2(rg, yb)
    sector = np.clip(((angle + np.pi) * (18 / (2 * np.pi))).astype(np.int32), 0, 17)
    hue = np.bincount(sector.ravel(), weights=np.hypot(rg, yb).ravel(), minlength=18)
    coarse = (rgb * np.float32(7.999)).astype(np.int32)
    colors = np.bincount((coarse[0] * 64 + coarse[1] * 8 + coarse[2]).ravel(), minlength=512)
    highlight = rgb[:, low >= np.percentile(low, 95)].mean(axis=1, dtype=np.float64)
    return {
        "colorfulness": colorfulness,
        "saturation_mean": float(saturation.mean(dtype=np.float64)),
        "saturation_deviation": float(saturation.std(dtype=np.float64)),
        "saturation_p95": float(np.percentile(saturation, 95)),
        "cast_red_green": rg_mean,
        "cast_yellow_blue": yb_mean,
        "cast_strength": float(np.abs(means - means.mean()).max() / (means.mean() + 0.02)),
        "highlight_cast": float(np.ptp(highlight)),  # what should be white shows a cast best
        "grayness": float(np.exp(-20.0 * (high - low).mean(dtype=np.float64))),
        "hue_entropy": entropy(hue),
        "palette_entropy": entropy(colors),
        "dark_channel": float(low.mean(dtype=np.float64)),  # haze lifts it (He, Sun & Tang 2009)
    }


def entropy(counts: NDArray[Any]) -> float:
    """Compute the Shannon entropy of a histogram in bits; 0 for an empty one."""
    total = float(counts.sum())
    if total <= 0:
        return 0.0
    share = counts[counts > 0] / total
    return max(0.0, float(-(share * np.log2(share)).sum()))
