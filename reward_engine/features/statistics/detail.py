"""Sharpness, noise, compression and texture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reward_engine.features.statistics.picture import Picture
from reward_engine.features.statistics.tone import entropy

Luma = NDArray[np.float32]

_FLOOR = 1e-7  # energies below it are all "nothing", whatever the rounding left over


def detail(picture: Picture) -> dict[str, float]:
    """Measure sharpness at several scales, noise, blockiness and texture."""
    return {
        **_sharpness(picture.luma),
        **_native_sharpness(picture.native),
        **_noise(picture),
        **_texture(picture.luma),
        "blockiness": blockiness(picture.native),
    }


def laplacian_variance(luma: Luma) -> float:
    """Compute the variance of the 5-point Laplacian, lower with blur (Pech-Pacheco et al. 2000)."""
    inner = luma[1:-1, 1:-1]
    value = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4.0 * inner
    return float(value.var(dtype=np.float64))


def gradient(luma: Luma) -> Luma:
    """Compute the magnitude of central differences, [h-2, w-2]."""
    dx = luma[1:-1, 2:] - luma[1:-1, :-2]
    dy = luma[2:, 1:-1] - luma[:-2, 1:-1]
    return np.asarray(np.hypot(dx, dy), dtype=np.float32)


def blur_effect(luma: Luma, size: int = 9) -> float:
    """Measure how little a picture loses when blurred again.

    From 0, sharp, to 1, blurred (Crete et al. 2007, eq. 5).
    """
    kept = []
    for axis in (0, 1):
        blurred = ndimage.uniform_filter1d(luma, size, axis=axis, mode="nearest")
        before = np.abs(np.diff(luma, axis=axis))
        after = np.abs(np.diff(blurred, axis=axis))
        total = float(before.sum(dtype=np.float64))
        if total > _FLOOR * luma.size:
            lost = float(np.maximum(0.0, before - after).sum(dtype=np.float64))
            kept.append((total - lost) / total)
    return max(kept, default=1.0)  # nothing to lose: as blurred as can be


def blockiness(luma: Luma) -> float:
    """Measure how block codecs show.

    Compares steps across their 8-pixel grid with steps elsewhere, as a log ratio; 0 without blocks.
    """
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(luma, axis=axis)).mean(axis=1 - axis, dtype=np.float64)
        if len(steps) < 24:
            continue
        # Any phase: the central crop need not begin on the grid.
        by_phase = np.array([steps[phase::8].mean() for phase in range(8)])
        ratios.append(np.log((by_phase.max() + 1e-4) / (np.median(by_phase) + 1e-4)))
    return float(np.mean(ratios)) if ratios else 0.0


def noise_sigma(luma: Luma) -> float:
    """Estimate the standard deviation of additive noise.

    By Immerkær 1996, "Fast noise variance estimation".
    """
    if min(luma.shape) < 3:
        return 0.0
    columns = luma[:-2] - 2.0 * luma[1:-1] + luma[2:]
    value = columns[:, :-2] - 2.0 * columns[:, 1:-1] + columns[:, 2:]
    return float(np.sqrt(np.pi / 2.0) / 6.0 * np.abs(value).mean(dtype=np.float64))


def median_of_nine(luma: Luma) -> Luma:
    """Take the median of each pixel and its eight neighbors.

    Pixels on the border are repeated beyond it.

    Makes nineteen exchanges on whole pictures (Paeth 1990, "Median finding on a 3 × 3 grid").
    """
    padded = np.pad(luma, 1, mode="edge")
    height, width = luma.shape
    p = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    for a, b in _EXCHANGES:
        p[a], p[b] = np.minimum(p[a], p[b]), np.maximum(p[a], p[b])
    return np.asarray(p[4], dtype=np.float32)


_EXCHANGES = (
    (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3), (5, 8), (4, 7), (3, 6), (1, 4),
    (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
)  # fmt: skip


def _log(value: float) -> float:
    return float(np.log(value + _FLOOR))


def _halved(luma: Luma) -> Luma:
    height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
    even = luma[:height, :width]
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) * 0.25, np.float32)


def _sharpness(luma: Luma) -> dict[str, float]:
    result: dict[str, float] = {}
    energies: list[float] = []
    level = luma
    for scale in range(4):
        if min(level.shape) < 4:
            energies.append(energies[-1] if energies else _log(0.0))
        else:
            energies.append(_log(laplacian_variance(level)))
            level = _halved(level)
        result[f"laplacian_{scale}"] = energies[-1]
    for scale in range(3):
        # Independent of contrast: how much finer detail there is than coarser.
        result[f"acuity_{scale}"] = energies[scale] - energies[scale + 1]
    edges = gradient(luma)
    squares = edges * edges
    result["tenengrad"] = _log(float(squares.mean(dtype=np.float64)))
    result["edge_peak"] = float(np.percentile(edges, 99.5))
    thinned = luma[::3, ::3]
    contrast = float(np.percentile(thinned, 99.5) - np.percentile(thinned, 0.5))
    result["edge_peak_relative"] = result["edge_peak"] / (contrast + 0.05)
    result["edge_density"] = float((edges > 0.1).mean())
    result["blur_effect"] = blur_effect(luma)
    tiles = tile_means(squares, 8)
    result["sharpest_tile"] = _log(float(np.percentile(tiles, 95)))
    result["softest_tile"] = _log(float(np.percentile(tiles, 10)))
    result["tile_sharpness_spread"] = result["sharpest_tile"] - result["softest_tile"]
    return result


def _native_sharpness(native: Luma) -> dict[str, float]:
    if min(native.shape) < 8:
        return {"native_laplacian": _log(0.0), "native_acuity": 0.0, "native_blur_effect": 0.0}
    fine, coarse = _log(laplacian_variance(native)), _log(laplacian_variance(_halved(native)))
    return {"native_laplacian": fine, "native_acuity": fine - coarse, "native_blur_effect": blur_effect(native)}


def _noise(picture: Picture) -> dict[str, float]:
    luma = picture.native if min(picture.native.shape) >= 16 else picture.luma
    second = luma[:-2] - 2.0 * luma[1:-1] + luma[2:]
    mask = np.abs(second[:, :-2] - 2.0 * second[:, 1:-1] + second[:, 2:])
    tiles = tile_means(mask, 12)
    red_green = picture.rgb[0] - picture.rgb[1]
    median = median_of_nine(picture.luma[::2, ::2])
    outliers = np.abs(picture.luma[::2, ::2] - median)
    return {
        "noise": _log(noise_sigma(luma)),
        "noise_flat": _log(float(np.percentile(tiles, 10))),  # where nothing else is, noise is all there is
        "noise_color": _log(noise_sigma(red_green)),
        "noise_impulse": float((outliers > 0.15).mean()),
    }


def _texture(luma: Luma) -> dict[str, float]:
    result: dict[str, float] = {}
    deviation = np.sqrt(np.maximum(tile_means(luma**2, 16) - tile_means(luma, 16) ** 2, 0.0))
    result["flat_tiles"] = float((deviation < 0.02).mean())
    result["tile_contrast"] = float(deviation.mean())
    coarse = _halved(luma)
    dx, dy = coarse[1:-1, 2:] - coarse[1:-1, :-2], coarse[2:, 1:-1] - coarse[:-2, 1:-1]
    sector = (np.arctan2(dy, dx) * (12 / np.pi) + 12).astype(np.int32).ravel() % 12
    strength = np.hypot(dx, dy).ravel()
    result["orientation_entropy"] = entropy(np.bincount(sector, weights=strength, minlength=12))
    slope, high = _spectrum(luma)
    result["spectrum_slope"], result["spectrum_high"] = slope, high
    return result


def _spectrum(luma: Luma) -> tuple[float, float]:
    """Slope of the radial power spectrum in log-log (natural pictures: about -2) and log share above 1/8 cycle."""
    side = min(256, luma.shape[0], luma.shape[1])
    top, left = (luma.shape[0] - side) // 2, (luma.shape[1] - side) // 2
    window = np.hanning(side).astype(np.float32)
    crop = luma[top : top + side, left : left + side]
    power = np.abs(np.fft.rfft2((crop - crop.mean()) * window[:, None] * window[None, :])) ** 2
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    radius = np.hypot(fy, fx)
    bins = np.clip((radius * 64).astype(np.int64), 0, 45)
    total = np.bincount(bins.ravel(), power.ravel(), minlength=46)
    count = np.bincount(bins.ravel(), minlength=46)
    used = (np.arange(46) >= 2) & (np.arange(46) < 32) & (count > 0)
    if used.sum() < 3:
        return 0.0, 0.0
    mean = np.log(total[used] / count[used] + 1e-9)
    slope = np.polyfit(np.log(np.flatnonzero(used) + 0.5), mean, 1)[0]
    high = power[radius > 0.125].sum() / (power.sum() + 1e-9)
    return float(slope), float(np.log(high + 1e-6))


def tile_means(values: NDArray[np.floating], tiles: int) -> NDArray[np.float64]:
    """Average a [h, w] map over a grid of cells.

    The grid has ``tiles`` × ``tiles`` cells (fewer where the map is smaller); they come flat.
    """
    rows, columns = min(tiles, values.shape[0]), min(tiles, values.shape[1])
    y = np.linspace(0, values.shape[0], rows + 1).astype(np.int64)
    x = np.linspace(0, values.shape[1], columns + 1).astype(np.int64)
    sums = np.add.reduceat(np.add.reduceat(values, y[:-1], axis=0, dtype=np.float64), x[:-1], axis=1)
    return np.asarray((sums / (np.diff(y)[:, None] * np.diff(x)[None, :])).ravel(), dtype=np.float64)
