"""Bring colors of other encodings to 8-bit sRGB: gamma curves, primaries, and the curves of HDR.

The code numbers are those of ITU-T H.273, which PNG (cICP), AVIF and all video codecs use.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Curve: TypeAlias = NDArray[np.float32]

SRGB_WHITE = (0.3127, 0.3290)
# xy of white, red, green, blue.
SRGB_POINTS = (*SRGB_WHITE, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_PRIMARIES: dict[int, tuple[float, ...]] = {
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*SRGB_WHITE, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*SRGB_WHITE, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*SRGB_WHITE, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*SRGB_WHITE, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*SRGB_WHITE, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*SRGB_WHITE, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
# 0 and 3 are reserved, 2 says nothing, 1 is BT.709. What is in neither of these is not known here.
_LIKE_SRGB_PRIMARIES = (0, 1, 2, 3)
_LIKE_SRGB_CURVES = (0, 1, 2, 3, 6, 7, 11, 12, 13, 14, 15)
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
PQ, HLG = 16, 18
_SDR_WHITE_NITS = 203.0
_BLOCK_ROWS = 256


def is_srgb(primaries: int, transfer: int) -> bool:
    """Tell whether these codes mean sRGB, or nothing (2, unspecified).

    The television curves (1, 6, 14, 15) count as sRGB: viewers show them so, and their makers look at them so.
    """
    return primaries not in _PRIMARIES and not _has_own_curve(transfer)


def _has_own_curve(transfer: int) -> bool:
    return transfer in _GAMMAS or transfer in (PQ, HLG)


def is_known(primaries: int, transfer: int) -> bool:
    """Tell whether colors of these codes can be brought to sRGB.

    Those of CIE XYZ and of logarithmic curves cannot.
    """
    points = primaries in _PRIMARIES or primaries in _LIKE_SRGB_PRIMARIES
    return points and (_has_own_curve(transfer) or transfer in _LIKE_SRGB_CURVES)


def from_codes(pixels: NDArray[Any], primaries: int, transfer: int) -> NDArray[np.uint8]:
    """Convert uint8 or uint16 RGB [height, width, 3] with H.273 codes to uint8 sRGB. HDR is toned down to SDR."""
    top = float(np.iinfo(pixels.dtype).max)
    encoded = np.arange(int(top) + 1, dtype=np.float32) / np.float32(top)
    if transfer == PQ:
        linear = _pq(encoded)
    elif transfer == HLG:
        linear = _hlg(encoded)
    elif transfer in _GAMMAS:
        linear = encoded ** np.float32(_GAMMAS[transfer])
    else:
        linear = _srgb_to_linear(encoded)
    return _converted(pixels, linear, _PRIMARIES.get(primaries), tone=transfer in (PQ, HLG))


def from_gamma(
    pixels: NDArray[np.uint8], gamma: float | None, chromaticities: tuple[float, ...] | None
) -> NDArray[np.uint8]:
    """Convert the colors of a PNG with gAMA or cHRM to sRGB.

    Takes and returns uint8 RGB (encoded = linear ** gamma); None: as in sRGB.
    """
    encoded = np.arange(256, dtype=np.float32) / np.float32(255)
    if gamma is None or abs(gamma - 1 / 2.2) < 0.0005:
        linear = _srgb_to_linear(encoded)
    else:
        linear = encoded ** np.float32(1.0 / gamma)
    return _converted(pixels, linear, chromaticities)


def is_srgb_gamma(gamma: float | None, chromaticities: tuple[float, ...] | None) -> bool:
    """Tell whether converting would change nothing.

    That is so where there is no gamma of its own, and the primaries are those of sRGB. 1/2.2 is how encoders write
    sRGB's curve in a gAMA chunk, and viewers read it so.
    """
    same = chromaticities is None or np.allclose(chromaticities, SRGB_POINTS, atol=0.002)
    return bool(same) and (gamma is None or abs(gamma - 1 / 2.2) < 0.0005)


def _converted(
    pixels: NDArray[Any], linear: Curve, points: tuple[float, ...] | None, *, tone: bool = False
) -> NDArray[np.uint8]:
    matrix = None if points is None or np.allclose(points, SRGB_POINTS, atol=0.002) else _matrix_to_srgb(points)
    if matrix is None and not tone:
        # One curve for all three channels: a table does it.
        return np.asarray(_linear_to_srgb(linear)[pixels], dtype=np.uint8)
    result = np.empty(pixels.shape, dtype=np.uint8)
    for start in range(0, len(pixels), _BLOCK_ROWS):  # floats of a whole large image would take a gigabyte
        light = linear[pixels[start : start + _BLOCK_ROWS]]
        if tone:
            light = _toned(light)
        if matrix is not None:
            light = light @ matrix.T
        result[start : start + _BLOCK_ROWS] = _linear_to_srgb(light)
    return result


def _srgb_to_linear(encoded: Curve) -> Curve:
    found: Curve = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return found


def _linear_to_srgb(light: Curve) -> NDArray[np.uint8]:
    light = np.clip(light, 0.0, 1.0)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255.0), dtype=np.uint8)


def _pq(encoded: Curve) -> Curve:
    """SMPTE ST 2084: light relative to SDR white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = encoded.astype(np.float64) ** (1 / m2)
    nits = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    found: Curve = (nits / _SDR_WHITE_NITS).astype(np.float32)
    return found


def _hlg(encoded: Curve) -> Curve:
    """ARIB STD-B67 for a display of 1000 nits, per channel: light relative to SDR white."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)
    found: Curve = (1000 * scene**1.2 / _SDR_WHITE_NITS).astype(np.float32)
    return found


def _toned(light: Curve) -> Curve:
    """Keep what SDR can show and roll off above; the brightest channel decides, so hues stay."""
    peak = light.max(axis=-1, keepdims=True)
    knee = 0.75
    above = np.maximum(peak - knee, 0)
    rolled = np.where(peak > knee, knee + (1 - knee) * above / (above + (1 - knee)), peak)
    found: Curve = (light * (rolled / np.maximum(peak, 1e-6))).astype(np.float32)
    return found


def _matrix_to_srgb(points: tuple[float, ...]) -> Curve:
    """Linear RGB of these primaries to linear sRGB, the white adapted after Bradford."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    white, srgb_white = _xyz(*points[:2]), _xyz(*SRGB_WHITE)
    gains = (bradford @ srgb_white) / (bradford @ white)
    adapted = np.linalg.inv(bradford) @ np.diag(gains) @ bradford
    found: Curve = (np.linalg.inv(_to_xyz(SRGB_POINTS)) @ adapted @ _to_xyz(points)).astype(np.float32)
    return found


def _to_xyz(points: tuple[float, ...]) -> NDArray[np.float64]:
    columns = np.stack([_xyz(points[i], points[i + 1]) for i in (2, 4, 6)], axis=1)
    return columns * np.linalg.solve(columns, _xyz(*points[:2]))


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])
