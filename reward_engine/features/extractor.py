"""Media items in, a table of features out.

Files are decoded and measured while the network runs on those already read: pictures in threads, videos in processes.
What was measured is cached by the content of the file, what a prompt says by its text.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from reward_engine.errors import RewardEngineError
from reward_engine.features import match, network, text
from reward_engine.features.cache import ArrayCache, Arrays
from reward_engine.features.media_features import (
    VIDEO_BURSTS,
    VIDEO_FRAMES,
    VIDEO_SIDE,
    MediaFeatures,
    motion_columns,
    statistics_columns,
)
from reward_engine.features.processes import (
    FEWEST,
    in_words,
    measure,
    measured_in_processes,
    usable_cores,
    usable_processes,
)
from reward_engine.features.table import Features
from reward_engine.judges.base import Canceled, MediaInput, MediaType, Progress, of_type
from reward_engine.media import decode_ahead
from reward_engine.storage import file_sha256, sha256

WINDOW = 64
"""So many items are looked up at a time; measurements of a window (about a megabyte each) may wait for the network."""

REVISION = 1
"""Raise it with every change of what a feature means; models trained on another version are refused."""


@dataclass(frozen=True)
class _Opened:
    """What is known of a file: cached arrays, or measurements that the network has still to complete, or neither."""

    sha256: str
    cached: Arrays | None = None
    measured: MediaFeatures | None = None


@dataclass
class _Extraction:
    """The state of one call."""

    items: Sequence[MediaInput]
    progress: Progress | None
    media: dict[int, Arrays] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    canceled: bool = False

    def report(self) -> None:
        if self.progress is not None:
            self.progress(len(self.media) + len(self.errors), len(self.items))


class FeatureExtractor:
    """Features of images or of videos, with their prompts.

    Blocks, in this order: ``network`` (EfficientNet-Lite0, pooled; for a video the mean over its frames and
    how far they drift apart), ``statistics`` (sharpness, exposure, color, noise, layout …; for a video
    mean, min, max and std over frames), ``motion`` (videos only), ``prompt`` (sentence embedding) and
    ``match`` (prompt against what the network sees).

    ``cache_dir``: where measurements are kept; may be shared by any number of processes. ``batch_size``:
    pictures a pass of the network. ``workers``: threads that look things up and decode. ``processes``: how many
    measure videos (as many as there are cores, up to eight; 1: threads). The network runs on at most half of the
    cores: files are measured beside it, and its threads wait for each other by keeping their cores busy.
    """

    def __init__(
        self,
        media_type: MediaType,
        *,
        cache_dir: str | Path | None = None,
        batch_size: int = 16,
        workers: int = 2,
        processes: int | None = None,
    ) -> None:
        if media_type not in ("image", "video"):
            raise ValueError(f'media_type must be "image" or "video", but is {media_type!r}')
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, but is {batch_size}")
        self.media_type: MediaType = media_type
        self._batch_size = batch_size
        self._workers = workers
        self._processes = processes
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
        canceled: Canceled | None = None,
    ) -> Features:
        """Measure every item; one that cannot be measured becomes an error, not an exception.

        ``progress(done, total)`` counts items; ``canceled()`` is asked before each item.

        Raises:
            ValueError: If two items share a key.
            JudgeError: If a network is missing or altered.
            ArtifactError: If a network is missing or altered.
        """
        if len({item.key for item in items}) != len(items):
            raise ValueError("every item needs a key of its own, but some keys occur twice")
        run = _Extraction(items, progress)
        # Files are measured in threads already, on matrices so small that more threads would only wait for each other.
        with threadpool_limits(1, user_api="blas"):
            self._measure_all(run, canceled)
        rows = sorted(run.media)
        return Features(
            keys=tuple(items[row].key for row in rows),
            values=self._assemble([items[row].prompt for row in rows], [run.media[row] for row in rows]),
            names=self.names,
            blocks=self.blocks,
            errors={items[row].key: run.errors[row] for row in sorted(run.errors)},
            canceled=run.canceled,
            version=self.version,
        )

    def _measure_all(self, run: _Extraction, canceled: Canceled | None) -> None:
        waiting: list[tuple[int, _Opened]] = []
        pictures = 0
        processes = self._usable_processes(len(run.items))
        results = self._opened_in_processes(run.items, processes) if processes > 1 else self._opened(run.items)
        for row, result in results:
            if canceled is not None and canceled():
                run.canceled = True
                results.close()
                return
            if isinstance(result, str):
                run.errors[row] = result
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

    def _usable_processes(self, items: int) -> int:
        if self.media_type == "image" or items < FEWEST:
            return 1
        usable = usable_processes()
        return usable if self._processes is None else min(self._processes, usable)

    def _opened(self, items: Sequence[MediaInput]) -> Generator[tuple[int, _Opened | str], None, None]:
        """Looked up or measured in threads, in order."""
        for row, found in decode_ahead(range(len(items)), lambda row: self._open(items[row]), workers=self._workers):
            yield row, in_words(items[row].path.name, found) if isinstance(found, Exception) else found

    def _opened_in_processes(
        self, items: Sequence[MediaInput], processes: int
    ) -> Generator[tuple[int, _Opened | str], None, None]:
        """The same, but measured in processes; what is cached comes first within each ``WINDOW`` of items."""
        for start in range(0, len(items), WINDOW):
            new: list[tuple[int, _Opened]] = []
            window = range(start, min(start + WINDOW, len(items)))
            for row, found in decode_ahead(window, lambda row: self._look(items[row]), workers=self._workers):
                if isinstance(found, Exception):
                    yield row, in_words(items[row].path.name, found)
                elif found.cached is not None:
                    yield row, found
                else:
                    new.append((row, found))
            paths = [items[row].path for row, _ in new]
            with closing(self._measured(paths, processes)) as measured:
                for (row, looked), one in zip(new, measured, strict=True):
                    yield row, one if isinstance(one, str) else _Opened(looked.sha256, measured=one)

    def _measured(self, paths: Sequence[Path], processes: int) -> Generator[MediaFeatures | str, None, None]:
        """Measured in processes, or in threads where there are too few to start any for."""
        if len(paths) >= FEWEST:
            yield from measured_in_processes(paths, self.media_type, processes)
        else:
            for path, one in decode_ahead(paths, lambda path: measure(path, self.media_type), workers=self._workers):
                yield in_words(path.name, one) if isinstance(one, Exception) else one

    def _open(self, item: MediaInput) -> _Opened:
        looked = self._look(item)
        if looked.cached is not None:
            return looked
        return _Opened(looked.sha256, measured=measure(item.path, self.media_type))

    def _look(self, item: MediaInput) -> _Opened:
        """What the cache holds of a file."""
        if item.media_type != self.media_type:
            raise RewardEngineError(of_type([item], self.media_type)[1][item.key])
        sha256 = file_sha256(item.path) if item.path.is_file() else ""
        cached = self._media_cache.get(sha256) if self._media_cache is not None and sha256 else None
        return _Opened(sha256, cached=cached)

    def _complete(self, run: _Extraction, waiting: Sequence[tuple[int, _Opened]]) -> None:
        """Run the network over the pictures of the waiting items, and cache what they gave."""
        measured = [(row, opened.sha256, opened.measured) for row, opened in waiting if opened.measured is not None]
        if not measured:
            return
        stack = np.concatenate([found.pictures for _, _, found in measured])
        threads = max(1, usable_cores() // 2)
        passes = [
            network.run_network(stack[start : start + self._batch_size], threads)
            for start in range(0, len(stack), self._batch_size)
        ]
        features = np.concatenate([part[0] for part in passes])
        probabilities = np.concatenate([part[1] for part in passes])
        start = 0
        for row, key, found in measured:
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
                self._media_cache.put(key, arrays)
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
    return f"{REVISION}-{sha256(json.dumps(definition, sort_keys=True).encode())[:12]}"


def _drift(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the content of a clip moves: cosine distance of last to first frame, and the largest step between."""
    if len(frames) < 2:
        return np.zeros(2, dtype=np.float32)
    unit = frames / np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), np.float32(1e-6))
    steps = 1.0 - (unit[1:] * unit[:-1]).sum(axis=1)
    return np.array([1.0 - float(unit[-1] @ unit[0]), float(steps.max())], dtype=np.float32)


def _text_key(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass"))
