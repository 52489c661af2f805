"""What moves in a video, and how: measured between neighboring frames, never guessed from one.

Frames come in runs of consecutive ones (:class:`reward_engine.media.Bursts`). Speeds are in shares of
the picture's diagonal a second, so that they mean the same at every size and frame rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from reward_engine.features.flow import optical_flow, warped
from reward_engine.media import Frames

SHIFT_SIDE = 128  # longer side of the frames that global shifts are measured on
FLOW_SIDE = 72  # longer side of the frames that dense flow is measured on
MAX_FLOW_PAIRS = 14
STILL = 0.6 / 255.0  # mean change below which two frames count as the same picture
CONFIDENT_EDGE = 0.03  # root mean square gradient, in shares of white a pixel, at which flow is half believed
CUT = 0.25  # mean change above which the shot has changed

MOTION_NAMES: tuple[str, ...] = (
    # how often there is a new picture
    "frame_rate", "log_duration", "log_frames", "single_frame", "still_share", "longest_still", "new_frames_a_second",
    # how much changes from frame to frame
    "change_mean", "change_p10", "change_p90", "change_peak", "change_variation", "cut_share",
    "flicker", "exposure_drift",
    # how the camera goes
    "camera_speed", "camera_speed_p90", "camera_directness", "camera_jitter", "camera_jitter_relative",
    "camera_reversals", "zoom_rate", "zoom_amount", "turn_amount",
    # what moves within the picture once the camera's motion is taken out
    "object_speed", "object_speed_p90", "object_area", "object_log_speed", "object_concentration",
    # how regular the motion is
    "flow_change", "flow_change_relative", "flow_unexplained", "aligned_change",
    # whether the picture stays as good as it began
    "sharpness_slope", "sharpness_variation", "sharpness_worst", "sharpness_pulse",
)  # fmt: skip


@dataclass(frozen=True)
class _Pairs:
    """Measurements between consecutive frames; ``follows`` bool [p]: the pair continues the one before it."""

    seconds: NDArray[np.float64]
    change: NDArray[np.float64]
    shift: NDArray[np.float64]  # [p, 2] (y, x), camera displacement in shares of the diagonal
    follows: NDArray[np.bool_]


def motion_statistics(frames: Frames) -> dict[str, float]:
    """Measure the motion in sampled frames.

    Returns a value for each of :data:`MOTION_NAMES`; zeros for a one-frame clip.
    """
    values = dict.fromkeys(MOTION_NAMES, 0.0)
    seconds = max(frames.duration_ms / 1000.0, 1e-3)
    values["frame_rate"] = min(frames.total / seconds, 120.0) if frames.total > 1 else 0.0
    values["log_duration"] = float(np.log(seconds + 0.1))
    values["log_frames"] = float(np.log(frames.total))
    first = np.flatnonzero(np.diff(frames.indices) == 1)
    if len(first) == 0:
        values["single_frame"] = 1.0
        return values
    small = [_gray(picture, SHIFT_SIDE) for picture in frames.pixels]
    pairs = _measure(frames, small, first)
    values.update(_novelty(frames, pairs, values["frame_rate"]))
    values.update(_light(small, first))
    values.update(_camera(pairs))
    values.update(_flow(frames, first, pairs))
    values.update(_sharpness_over_time(frames, small))
    return values


def _gray(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    image = Image.fromarray(picture).convert("L")
    scale = side / max(image.size)
    size = (max(16, round(image.width * scale)), max(16, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float32) / np.float32(255.0)


def _measure(frames: Frames, small: list[NDArray[np.float32]], first: NDArray[np.int64]) -> _Pairs:
    window = _window(small[0].shape)
    diagonal = float(np.hypot(*small[0].shape))
    change = np.array([np.abs(small[i + 1] - small[i]).mean(dtype=np.float64) for i in first])
    shift = np.zeros((len(first), 2))
    for row, i in enumerate(first):
        if STILL <= change[row] < CUT:
            shift[row] = _shift(small[i] * window, small[i + 1] * window) / diagonal
    seconds = np.maximum(np.diff(frames.times_ms)[first] / 1000.0, 1e-3)
    follows = np.concatenate([[False], np.diff(first) == 1])
    return _Pairs(seconds=seconds, change=change, shift=shift, follows=follows)


def _window(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Fades the borders out, which otherwise correlate with themselves and pull every shift toward zero."""
    window = np.hanning(shape[0])[:, None] * np.hanning(shape[1])[None, :] + 1e-3
    return np.asarray(window, dtype=np.float32)


def _shift(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    from skimage.registration import phase_cross_correlation  # a second, of which only videos have need

    found = phase_cross_correlation(b, a, upsample_factor=20, normalization=None)[0]  # type: ignore[no-untyped-call]
    return np.asarray(found, dtype=np.float64)


def _novelty(frames: Frames, pairs: _Pairs, frame_rate: float) -> dict[str, float]:
    still = pairs.change < STILL
    longest = run = 0
    for same, follows in zip(still, pairs.follows, strict=True):
        run = (run + 1 if follows else 1) if same else 0
        longest = max(longest, run)
    moving = pairs.change[~still]
    mean = float(pairs.change.mean())
    return {
        "still_share": float(still.mean()),
        "longest_still": longest / len(still),
        "new_frames_a_second": frame_rate * float(1.0 - still.mean()),
        "change_mean": mean,
        "change_p10": float(np.percentile(pairs.change, 10)),
        "change_p90": float(np.percentile(pairs.change, 90)),
        "change_peak": float(pairs.change.max()),
        "change_variation": float(moving.std() / (moving.mean() + STILL)) if len(moving) else 0.0,
        "cut_share": float((pairs.change >= CUT).mean()),
    }


def _light(small: list[NDArray[np.float32]], first: NDArray[np.int64]) -> dict[str, float]:
    level = np.array([picture.mean(dtype=np.float64) for picture in small])
    steps = level[first + 1] - level[first]
    turns = np.diff(steps)[np.diff(first) == 1]
    return {
        "flicker": float(np.abs(turns).mean()) if len(turns) else 0.0,
        "exposure_drift": float(np.ptp(level)),
    }


def _camera(pairs: _Pairs) -> dict[str, float]:
    velocity = pairs.shift / pairs.seconds[:, None]
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    path = np.hypot(pairs.shift[:, 0], pairs.shift[:, 1]).sum()
    net = np.hypot(*pairs.shift.sum(axis=0))
    follows = pairs.follows[1:]
    jerk = np.diff(pairs.shift, axis=0)[follows]
    jitter = float(np.hypot(jerk[:, 0], jerk[:, 1]).mean()) if len(jerk) else 0.0
    along = (pairs.shift[1:] * pairs.shift[:-1]).sum(axis=1)[follows]
    return {
        "camera_speed": float(speed.mean()),
        "camera_speed_p90": float(np.percentile(speed, 90)),
        "camera_directness": float(net / path) if path > 1e-3 else 0.0,
        "camera_jitter": float(np.log(jitter + 1e-4)),
        "camera_jitter_relative": float(jitter / (path / len(pairs.shift) + 1e-3)),
        "camera_reversals": float((along < -1e-7).mean()) if len(along) else 0.0,
    }


def _flow(frames: Frames, first: NDArray[np.int64], pairs: _Pairs) -> dict[str, float]:
    """Dense flow (iterative Lucas-Kanade), split into camera and objects by an affine fit."""
    usable = np.flatnonzero((pairs.change >= STILL) & (pairs.change < CUT))
    if len(usable) == 0:
        return {}
    chosen = _spread(usable, MAX_FLOW_PAIRS)
    small = {int(i): _gray(frames.pixels[i], FLOW_SIDE) for row in chosen for i in (first[row], first[row] + 1)}
    shape = small[int(first[chosen[0]])].shape
    diagonal = float(np.hypot(*shape))
    zoom, turn, residuals, unexplained, aligned, flows = [], [], [], [], [], {}
    for row in chosen:
        a, b = small[int(first[row])], small[int(first[row]) + 1]
        flow = _dense_flow(a, b, pairs.shift[row] * diagonal)
        affine, parts = _affine(flow)
        residual = _confidence(a) * np.hypot(*(flow - affine)) / diagonal / pairs.seconds[row]
        zoom.append(parts[0] / pairs.seconds[row])
        turn.append(parts[1] / pairs.seconds[row])
        residuals.append(residual)
        flows[int(row)] = flow / diagonal
        unexplained.append(np.abs(warped(b, flow) - a).mean())
        aligned.append(np.abs(warped(b, affine) - a).mean())
    moving = np.stack(residuals)
    mean = float(moving.mean())
    p90 = float(np.percentile(moving, 90))
    change, relative = _flow_change(flows, pairs)
    return {
        "zoom_rate": float(np.mean(zoom)),
        "zoom_amount": float(np.mean(np.abs(zoom))),
        "turn_amount": float(np.mean(np.abs(turn))),
        "object_speed": mean,
        "object_speed_p90": p90,
        "object_area": float((moving > 0.02).mean()),
        "object_log_speed": float(np.log(mean + 1e-3)),
        "object_concentration": p90 / (mean + 1e-3),
        "flow_change": change,
        "flow_change_relative": relative,
        "flow_unexplained": float(np.mean(unexplained)),
        "aligned_change": float(np.mean(aligned)),
    }


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most ``most`` rows, taken in neighboring twos so that changes of the flow can be seen."""
    if len(rows) <= most:
        return rows
    starts = np.rint(np.linspace(0, len(rows) - 2, most // 2)).astype(np.int64)
    return np.asarray(rows[np.unique(np.concatenate([starts, starts + 1]))], dtype=np.int64)


def _dense_flow(a: NDArray[np.float32], b: NDArray[np.float32], shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 [2, h, w]: where each pixel of ``a`` is in ``b`` (dy, dx), in pixels.

    The whole picture's shift is taken out first: the iteration only finds what is near.
    """
    whole = np.rint(shift).astype(np.int64)
    if np.any(np.abs(whole) >= np.array(a.shape) // 2):
        whole[:] = 0
    moved = np.roll(b, -whole, axis=(0, 1)) if whole.any() else b
    flow = optical_flow(a, moved)
    # Flat regions have no flow of their own; a wild value there is an artifact of the solver.
    limit = 0.25 * max(a.shape)
    return np.asarray(np.clip(flow, -limit, limit) + whole[:, None, None], dtype=np.float32)


def _confidence(a: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the flow at each pixel can be trusted, 0 to 1: where nothing has an edge, nothing is seen to move."""
    gy, gx = np.gradient(a)
    edges = ndimage.uniform_filter(gy * gy + gx * gx, 5, mode="nearest")
    return np.asarray(edges / (edges + np.float32(CONFIDENT_EDGE**2)), dtype=np.float32)


def _affine(flow: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Fit the camera's affine motion robustly; returns its flow [2, h, w] and (zoom, turn) a frame.

    Three rounds of least squares with weights 1 / (1 + (r / s)²) (Cauchy; s: median residual), so that
    moving objects do not pull the camera along.
    """
    _, height, width = flow.shape
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    design = np.stack([np.ones_like(y).ravel(), y.ravel() * height / 2, x.ravel() * width / 2], axis=1)
    target = flow.reshape(2, -1).T.astype(np.float64)
    weight = np.ones(len(design))
    solution = np.zeros((3, 2))
    for _ in range(3):
        scaled = design * weight[:, None]
        solution = np.linalg.solve(scaled.T @ design + 1e-6 * np.eye(3), scaled.T @ target)
        residual = np.hypot(*(target - design @ solution).T)
        weight = 1.0 / (1.0 + (residual / (np.median(residual) + 1e-3)) ** 2)
    fitted = (design @ solution).T.reshape(2, height, width).astype(np.float32)
    zoom = 0.5 * (solution[1, 0] + solution[2, 1])
    turn = 0.5 * (solution[1, 1] - solution[2, 0])
    return fitted, (float(zoom), float(turn))


def _flow_change(flows: dict[int, NDArray[np.float32]], pairs: _Pairs) -> tuple[float, float]:
    """How much the flow differs between one pair and the next: small for smooth motion, large for stutter."""
    changes, sizes = [], []
    for row, flow in flows.items():
        after = flows.get(row + 1)
        if after is None or not pairs.follows[row + 1]:
            continue
        changes.append(float(np.hypot(*(after - flow)).mean()))
        sizes.append(0.5 * float(np.hypot(*flow).mean() + np.hypot(*after).mean()))
    if not changes:
        return 0.0, 0.0
    return float(np.log(np.mean(changes) + 1e-4)), float(np.mean(changes) / (np.mean(sizes) + 1e-3))


def _sharpness_over_time(frames: Frames, small: list[NDArray[np.float32]]) -> dict[str, float]:
    """Log Laplacian energy of each frame: its trend, its spread, its worst moment, its beat from frame to frame."""
    energy = np.array([np.log(ndimage.laplace(picture).var(dtype=np.float64) + 1e-6) for picture in small])
    span = float(np.ptp(frames.times_ms))
    slope = float(np.polyfit(frames.times_ms / span, energy, 1)[0]) if span > 0 else 0.0
    neighbors = np.diff(frames.indices) == 1
    return {
        "sharpness_slope": slope,
        "sharpness_variation": float(energy.std()),
        "sharpness_worst": float(energy.min() - np.median(energy)),
        "sharpness_pulse": float(np.abs(np.diff(energy)[neighbors]).mean()),
    }
