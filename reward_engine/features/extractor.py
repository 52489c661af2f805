"""Media items in, a table of features out.

Files are decoded and measured in threads while the network runs on those already read. What was
measured is cached by the content of the file, what a prompt says by its text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from reward_engine.errors import RewardEngineError
from reward_engine.features import match, network, text
from reward_engine.features.cache import ArrayCache, Arrays
from reward_engine.features.measure import (
    VIDEO_BURSTS,
    VIDEO_FRAMES,
    VIDEO_SIDE,
    Measured,
    measure,
    motion_columns,
    statistics_columns,
)
from reward_engine.features.packaged import file_sha256
from reward_engine.features.table import Features
from reward_engine.judges.base import Cancelled, MediaInput, MediaType, Progress, of_type
from reward_engine.media import decode_ahead

REVISION = 1
"""Raise it with every change of what a feature means; models trained on another version are refused."""


@dataclass(frozen=True)
class _Opened:
    """What a thread hands over: cached arrays, or measurements that the network has still to complete."""

    sha256: str
    cached: Arrays | None = None
    measured: Measured | None = None


@dataclass
class _Run:
    """The state of one call."""

    items: Sequence[MediaInput]
    progress: Progress | None
    media: dict[int, Arrays] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    cancelled: bool = False

    def report(self) -> None:
        if self.progress is not None:
            self.progress(len(self.media) + len(self.errors), len(self.items))


class FeatureExtractor:
    """Features of images or of videos, with their prompts.

    Blocks, in this order: ``network`` (EfficientNet-Lite0, pooled; for a video the mean over its frames and
    how far they drift apart), ``statistics`` (sharpness, exposure, colour, noise, layout …; for a video
    mean, min, max and std over frames), ``motion`` (videos only), ``prompt`` (sentence embedding) and
    ``match`` (prompt against what the network sees).

    ``cache_dir``: where measurements are kept; may be shared by any number of processes. ``batch_size``:
    pictures a pass of the network. ``workers``: decoding threads. The network runs on as many threads as
    torch is set to.
    """

    def __init__(
        self,
        media_type: MediaType,
        *,
        cache_dir: str | Path | None = None,
        batch_size: int = 16,
        workers: int = 2,
    ) -> None:
        if media_type not in ("image", "video"):
            raise ValueError(f'media_type must be "image" or "video", but is {media_type!r}')
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, but is {batch_size}")
        self.media_type: MediaType = media_type
        self._batch_size = batch_size
        self._workers = workers
        columns = _columns(media_type)
        self.names: tuple[str, ...] = tuple(name for names in columns.values() for name in names)
        self.blocks: Mapping[str, slice] = _slices(columns)
        self.version: str = _version(media_type, self.names)
        shapes = {name: (len(columns[name]),) for name in ("network", "statistics")}
        if media_type == "video":
            shapes["motion"] = (len(columns["motion"]),)
        shapes["probabilities"] = (network.CLASSES,)
        self._media_cache = self._prompt_cache = self._label_cache = None
        if cache_dir is not None:
            folder = Path(cache_dir)
            self._media_cache = ArrayCache(folder / f"{media_type}-{self.version}", shapes)
            texts = folder / f"text-{text.WEIGHTS_SHA256[:12]}"
            self._prompt_cache = ArrayCache(texts, {"embedding": (text.WIDTH,)})
            self._label_cache = ArrayCache(texts, {"embeddings": (network.CLASSES, text.WIDTH)})

    def extract(
        self,
        items: Sequence[MediaInput],
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Features:
        """Measure every item; one that cannot be measured becomes an error, not an exception.

        ``progress(done, total)`` counts items; ``cancelled()`` is asked before each item.
        Raises :class:`ValueError` where two items share a key, and :class:`reward_engine.errors.JudgeError`
        or :class:`reward_engine.errors.ArtifactError` where a network is missing or altered.
        """
        if len({item.key for item in items}) != len(items):
            raise ValueError("every item needs a key of its own, but some keys occur twice")
        run = _Run(items, progress)
        # Files are measured in threads already, on matrices so small that more threads would only wait for each other.
        with threadpool_limits(1, user_api="blas"):
            self._measure_all(run, cancelled)
        rows = sorted(run.media)
        return Features(
            keys=tuple(items[row].key for row in rows),
            values=self._assemble([items[row].prompt for row in rows], [run.media[row] for row in rows]),
            names=self.names,
            blocks=self.blocks,
            errors={items[row].key: run.errors[row] for row in sorted(run.errors)},
            cancelled=run.cancelled,
            version=self.version,
        )

    def _measure_all(self, run: _Run, cancelled: Cancelled | None) -> None:
        waiting: list[tuple[int, _Opened]] = []
        pictures = 0
        results: Iterator[tuple[int, _Opened | Exception]] = decode_ahead(
            range(len(run.items)), lambda row: self._open(run.items[row]), workers=self._workers
        )
        for row, result in results:
            if cancelled is not None and cancelled():
                run.cancelled = True
                return
            if isinstance(result, Exception):
                run.errors[row] = _in_words(run.items[row], result)
                run.report()
            elif result.measured is None:
                run.media[row] = result.cached or {}
                run.report()
            else:
                waiting.append((row, result))
                pictures += len(result.measured.pictures)
            if pictures >= self._batch_size:
                self._complete(run, waiting)
                waiting, pictures = [], 0
        self._complete(run, waiting)

    def _open(self, item: MediaInput) -> _Opened:
        if item.media_type != self.media_type:
            raise RewardEngineError(of_type([item], self.media_type)[1][item.key])
        sha256 = file_sha256(item.path) if item.path.is_file() else ""
        cached = self._media_cache.get(sha256) if self._media_cache is not None and sha256 else None
        if cached is not None:
            return _Opened(sha256, cached=cached)
        measured = measure(item.path, self.media_type)
        if not (np.isfinite(measured.statistics).all() and np.isfinite(measured.motion).all()):
            raise RewardEngineError(f"{item.path.name}: a statistic of it is not a finite number.")
        return _Opened(sha256, measured=measured)

    def _complete(self, run: _Run, waiting: Sequence[tuple[int, _Opened]]) -> None:
        """Run the network over the pictures of the waiting items, and cache what they gave."""
        measured = [(row, opened.sha256, opened.measured) for row, opened in waiting if opened.measured is not None]
        if not measured:
            return
        stack = np.concatenate([found.pictures for _, _, found in measured])
        passes = [
            network.run_network(stack[start : start + self._batch_size])
            for start in range(0, len(stack), self._batch_size)
        ]
        features = np.concatenate([part[0] for part in passes])
        probabilities = np.concatenate([part[1] for part in passes])
        start = 0
        for row, sha256, found in measured:
            own = slice(start, start + len(found.pictures))
            start = own.stop
            arrays: Arrays = {
                "network": self._network_block(features[own]),
                "statistics": found.statistics,
                "probabilities": probabilities[own].mean(axis=0),
            }
            if self.media_type == "video":
                arrays["motion"] = found.motion
            run.media[row] = arrays
            if self._media_cache is not None:
                self._media_cache.put(sha256, arrays)
        run.report()

    def _network_block(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        mean = frames.mean(axis=0)
        return mean if self.media_type == "image" else np.concatenate([mean, _drift(frames)])

    def _assemble(self, prompts: list[str], media: list[Arrays]) -> NDArray[np.float32]:
        values = np.zeros((len(media), len(self.names)), dtype=np.float32)
        if not media:
            return values
        for name in ("network", "statistics", "motion"):
            if name in self.blocks:
                values[:, self.blocks[name]] = np.stack([arrays[name] for arrays in media])
        embeddings = self._embed(prompts)
        words = np.array([len(prompt.split()) for prompt in prompts], dtype=np.float32)
        values[:, self.blocks["prompt"]] = np.column_stack([embeddings, words > 0, np.log1p(words)])
        probabilities = np.stack([arrays["probabilities"] for arrays in media])
        values[:, self.blocks["match"]] = match.match_features(embeddings, self._labels(), probabilities)
        return values

    def _embed(self, prompts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [n, 384], each different prompt embedded once ever where there is a cache."""
        known: dict[str, NDArray[np.float32]] = {}
        new: list[str] = []
        for prompt in dict.fromkeys(prompts):
            entry = self._prompt_cache.get(_text_key(prompt)) if self._prompt_cache is not None else None
            if entry is not None:
                known[prompt] = entry["embedding"]
            else:
                new.append(prompt)
        for prompt, embedding in zip(new, text.embed(new), strict=True):
            known[prompt] = embedding
            if self._prompt_cache is not None:
                self._prompt_cache.put(_text_key(prompt), {"embedding": embedding})
        return np.stack([known[prompt] for prompt in prompts])

    def _labels(self) -> NDArray[np.float32]:
        global _label_embeddings
        if _label_embeddings is None:
            texts = match.label_texts()
            key = _text_key("\n".join(texts))
            entry = self._label_cache.get(key) if self._label_cache is not None else None
            _label_embeddings = entry["embeddings"] if entry is not None else text.embed(texts)
            if entry is None and self._label_cache is not None:
                self._label_cache.put(key, {"embeddings": _label_embeddings})
        return _label_embeddings


_label_embeddings: NDArray[np.float32] | None = None  # the same for every extractor of the process


def _columns(media_type: MediaType) -> dict[str, tuple[str, ...]]:
    columns = {
        "network": tuple(f"network_{i}" for i in range(network.WIDTH)),
        "statistics": statistics_columns(media_type),
        "motion": motion_columns(media_type),
        "prompt": (*(f"prompt_{i}" for i in range(text.WIDTH)), "prompt_given", "prompt_log_words"),
        "match": match.MATCH_NAMES,
    }
    if media_type == "video":
        columns["network"] += ("network_drift", "network_jump")
    return {name: names for name, names in columns.items() if names}


def _slices(columns: Mapping[str, tuple[str, ...]]) -> dict[str, slice]:
    slices: dict[str, slice] = {}
    start = 0
    for name, names in columns.items():
        slices[name] = slice(start, start + len(names))
        start += len(names)
    return slices


def _version(media_type: MediaType, names: tuple[str, ...]) -> str:
    """The revision and a digest of everything that the definition consists of."""
    definition = {
        "revision": REVISION,
        "media_type": media_type,
        "names": names,
        "network": [network.WEIGHTS_SHA256, network.SIDE],
        "text": [text.WEIGHTS_SHA256, text.TOKENIZER_SHA256, text.MAX_TOKENS],
        "labels": file_sha256(match.LABELS_FILE),
        "sampling": [repr(VIDEO_FRAMES), repr(VIDEO_BURSTS), VIDEO_SIDE] if media_type == "video" else [],
    }
    return f"{REVISION}-{hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:12]}"


def _drift(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the content of a clip moves: cosine distance of last to first frame, and the largest step between."""
    if len(frames) < 2:
        return np.zeros(2, dtype=np.float32)
    unit = frames / np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), np.float32(1e-6))
    steps = 1.0 - (unit[1:] * unit[:-1]).sum(axis=1)
    return np.array([1.0 - float(unit[-1] @ unit[0]), float(steps.max())], dtype=np.float32)


def _text_key(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _in_words(item: MediaInput, error: Exception) -> str:
    if isinstance(error, RewardEngineError):
        return error.message
    if isinstance(error, OSError):
        return f"{item.path.name}: the file cannot be read ({error.strerror or error})."
    return f"{item.path.name}: it cannot be measured ({type(error).__name__}: {error})."
