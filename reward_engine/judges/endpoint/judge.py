"""P(yes) of every question from a server: one request a question, the media first in each.

What all requests of an item share stands at the beginning (media, then the introduction), so that the server computes
it once and finds it in its prefix cache for the other questions. The first question of an item is asked alone for that
reason; then the others at once, up to ``concurrency``.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_engine import checklist as checklists
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, ChecklistError, JudgeError, RewardEngineError
from reward_engine.judges import artifact
from reward_engine.judges.base import Canceled, MediaInput, Predictions, Progress, of_type
from reward_engine.judges.endpoint.client import Client
from reward_engine.judges.endpoint.settings import EndpointSettings
from reward_engine.judges.vlm import wording
from reward_engine.media import EverySecond, Sampler, Uniform, decode_image, sample_frames
from reward_engine.storage import sha256

KIND = "endpoint"
FORMAT = 1
FATAL = ("address", "key", "no_model", "not_found", "no_logprobs", "protocol")
"""Codes of errors that lie in the server or its settings: no other item would fare better."""


@dataclass(frozen=True)
class EndpointJudge:
    """Make one with :meth:`connect`, or :meth:`load` from a folder. ``served``: what the server says of the model."""

    checklist: Checklist
    settings: EndpointSettings
    served: Mapping[str, Any] = field(default_factory=dict)

    name = KIND

    @classmethod
    def connect(cls, settings: EndpointSettings, checklist: Checklist) -> EndpointJudge:
        """Ask the server for the model.

        Raises:
            JudgeError: If it cannot be reached or does not serve it.
        """
        return cls(checklist, settings, Client(settings).models())

    @property
    def version(self) -> str:
        """Digest of what decides answers, as far as it is known.

        A server may change without saying so.
        """
        settings = self.settings
        said = json.dumps(
            [
                self.checklist.content_hash, settings.base_url.rstrip("/"), settings.model, dict(self.served),
                wording.identity(settings.wording), repr(self._sampler), settings.frame_max_side, settings.top_logprobs,
            ],
            sort_keys=True,
        )  # fmt: skip
        return sha256(said.encode())[:16]

    def predict(
        self,
        items: Sequence[MediaInput],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """Answer every question for every item by P(yes).

        An item with a question that cannot be answered is an error.

        Args:
            batch_size: Not used: the server batches what comes together.

        Raises:
            JudgeError: If the server itself cannot answer anything (no key, no such model, no log probabilities).
        """
        stop = threading.Event()
        client = Client(self.settings, stop)
        answers: dict[str, NDArray[np.float32]] = {}
        fitting, errors = of_type(items, self.checklist.media_type)
        stopped = False
        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            try:
                for item, found in self._answered(fitting, client, pool, canceled):
                    if found is None:
                        stopped = True
                        break
                    if isinstance(found, RewardEngineError):
                        if found.code in FATAL or (found.code == "unreachable" and not answers):
                            raise found
                        errors[item.key] = found.message
                    else:
                        answers[item.key] = found
                    if progress is not None:
                        progress(len(answers) + len(errors), len(items))
            finally:
                stop.set()
        keys = tuple(item.key for item in items if item.key in answers)
        width = len(self.checklist.questions)
        p_yes = np.stack([answers[key] for key in keys]) if keys else np.zeros((0, width), dtype=np.float32)
        return Predictions(keys, p_yes, errors, stopped)

    def save(self, folder: str | Path) -> None:
        """Write a manifest into a new folder; the key is not in it."""
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "version": self.version,
            "media_type": self.checklist.media_type,
            "checklist": {
                "id": self.checklist.id,
                "version": self.checklist.version,
                "content_hash": self.checklist.content_hash,
                "yaml": checklists.dumps(self.checklist),
            },
            "endpoint": self.settings.plain(),
            "served": dict(self.served),
        }
        artifact.write_files(Path(folder), manifest, {})

    @classmethod
    def load(cls, folder: str | Path, *, checklist: Checklist | None = None) -> EndpointJudge:
        """Read a folder; the server is asked first when the judge predicts.

        Raises:
            ArtifactError: A file is missing or not as it was written.
        """
        folder = Path(folder)
        manifest, _ = artifact.read_files(folder, (), kind=KIND, format_version=FORMAT)
        try:
            own = checklists.loads(manifest["checklist"]["yaml"], source=f"{folder.name}/{artifact.MANIFEST}")
            judge = cls(
                own if checklist is None else checklist, EndpointSettings(**manifest["endpoint"]), manifest["served"]
            )
            recorded = manifest["version"]
        except (KeyError, TypeError, ChecklistError, JudgeError) as error:
            raise ArtifactError(
                f"{folder.name}: the manifest is incomplete or altered ({error}). {artifact.RETRAIN}", code="manifest"
            ) from error
        if own.content_hash != judge.checklist.content_hash:
            raise ArtifactError(
                f"{folder.name}: it answers another checklist (“{own.name}” version {own.version}).", code="checklist"
            )
        if judge.version != recorded:
            raise ArtifactError(f"{folder.name}: the manifest names another version.", code="version")
        return judge

    @property
    def _sampler(self) -> Sampler:
        return Uniform(self.settings.frames) if self.settings.frames else EverySecond()

    def _answered(
        self, items: Sequence[MediaInput], client: Client, pool: ThreadPoolExecutor, canceled: Canceled | None
    ) -> Iterator[tuple[MediaInput, NDArray[np.float32] | RewardEngineError | None]]:
        """Yield the items in their order, with their P(yes) [q] or why not.

        Yields None where it was canceled meanwhile. Some items are begun ahead, so that the server always has
        ``concurrency`` requests to batch.
        """
        questions = len(self.checklist.questions)
        ahead = max(1, -(-self.settings.concurrency // questions) + 1)
        with ThreadPoolExecutor(ahead) as conductors:
            waiting: list[tuple[MediaInput, Future[NDArray[np.float32]]]] = []
            rest = iter(items)
            while True:
                while len(waiting) < ahead and (item := next(rest, None)) is not None:
                    waiting.append((item, conductors.submit(self._item, item, client, pool)))
                if not waiting:
                    return
                item, future = waiting[0]
                while not future.done():
                    if canceled is not None and canceled():
                        client.stop.set()
                        yield item, None
                        return
                    wait([future], timeout=0.2, return_when=FIRST_COMPLETED)
                waiting.pop(0)
                error = future.exception()
                if error is None:
                    yield item, future.result()
                elif isinstance(error, RewardEngineError):
                    yield item, error
                else:
                    yield item, JudgeError(f"{item.path.name}: it could not be asked ({error!r}).", code="item")

    def _item(self, item: MediaInput, client: Client, pool: ThreadPoolExecutor) -> NDArray[np.float32]:
        """P(yes) float32 [q] of one item.

        Raises:
            RewardEngineError: The message says what is wrong.
        """
        media = self._media(item)
        first = wording.introduction(self.settings.wording, item.media_type, item.prompt)
        texts = [
            first + question.text.replace("{prompt}", item.prompt).strip() for question in self.checklist.questions
        ]

        def ask(text: str) -> float:
            return client.log_odds([*media, {"type": "text", "text": text}])

        odds = [pool.submit(ask, texts[0]).result()]  # brings the media into the server's cache
        others = [pool.submit(ask, text) for text in texts[1:]]
        try:
            odds += [future.result() for future in others]
        finally:
            for future in others:
                future.cancel()
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -60.0, 60.0))), dtype=np.float32)

    def _media(self, item: MediaInput) -> list[dict[str, Any]]:
        """The pictures of an item as parts of a message: lossless, so that the server sees what is here."""
        if item.media_type == "image":
            pixels = [decode_image(item.path)]
        else:
            pixels = list(sample_frames(item.path, self._sampler, max_side=self.settings.frame_max_side).pixels)
        return [{"type": "image_url", "image_url": {"url": data_url(one)}} for one in pixels]


def data_url(pixels: NDArray[np.uint8]) -> str:
    """Write a picture uint8 [h, w, 3] as a PNG in a data URL."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
