"""Scores by the platform's promoted version, over its API."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from reward_engine.errors import JudgeError
from reward_engine.integrations.function import Scored
from reward_engine.integrations.media import Kind

BATCH = 64
PASSING = (429, 502, 503, 504)


@dataclass
class PlatformScorer:
    """Scores media on a platform.

    ``url`` of the platform and an API ``token``; ``patience_seconds``: how long a batch may take in all.

    ``version``: what answered last, as the platform numbers its versions.
    """

    url: str
    token: str = field(repr=False)
    patience_seconds: float = 600.0
    timeout_seconds: float = 60.0
    poll_seconds: float = 1.0
    version: int | None = None

    def score(self, paths: Sequence[Path], prompts: Sequence[str], kind: Kind) -> list[Scored]:
        """Score media on the platform.

        Raises:
            JudgeError: If the platform cannot be reached, refuses, or takes too long.
        """
        found: list[Scored] = []
        for start in range(0, len(paths), BATCH):
            rows = self._batch(paths[start : start + BATCH], prompts[start : start + BATCH], kind)
            found += [self._scored(row) for row in rows]
        return found

    def _batch(self, paths: Sequence[Path], prompts: Sequence[str], kind: Kind) -> list[dict[str, Any]]:
        deadline = time.monotonic() + self.patience_seconds
        answer = self._sent(paths, prompts, kind, deadline)
        while answer.status_code == 202:
            if time.monotonic() > deadline:
                raise JudgeError(
                    f"The platform at {self.url} has not scored {len(paths)} {kind}s within "
                    f"{self.patience_seconds:g} s. Look at its jobs, or start more workers.",
                    code="timeout",
                )
            time.sleep(self.poll_seconds)
            answer = self._asked("GET", self._polled(answer), deadline)
        found = answer.json()
        rows = [found] if len(paths) == 1 and "results" not in found else found.get("results")
        if not isinstance(rows, list) or len(rows) != len(paths):
            raise JudgeError(f"The platform at {self.url} did not answer with one result a file.", code="protocol")
        return rows

    def _sent(self, paths: Sequence[Path], prompts: Sequence[str], kind: Kind, deadline: float) -> requests.Response:
        file, text = ("file", "prompt") if len(paths) == 1 else ("files", "prompts")
        with contextlib.ExitStack() as files:
            parts: list[tuple[str, Any]] = []
            for path, prompt in zip(paths, prompts, strict=True):
                parts.append((file, (path.name, files.enter_context(path.open("rb")))))
                parts.append((text, (None, prompt)))
            parts.append(("media_type", (None, kind)))
            return self._asked("POST", f"{self.url.rstrip('/')}/api/v1/score/", deadline, files=parts)

    def _polled(self, answer: requests.Response) -> str:
        found = answer.json()
        return f"{self.url.rstrip('/')}/api/v1/score/{found['id']}/"

    def _asked(self, method: str, address: str, deadline: float, **more: Any) -> requests.Response:
        wait = 0.5
        while True:
            try:
                answer = requests.request(
                    method, address, headers={"Authorization": f"Bearer {self.token}"}, timeout=self.timeout_seconds,
                    allow_redirects=False, **more,
                )  # fmt: skip
            except requests.RequestException as error:
                raise JudgeError(
                    f"The platform at {self.url} cannot be reached ({type(error).__name__}).", code="unreachable"
                ) from error
            if answer.status_code in (200, 202):
                return answer
            if answer.status_code not in PASSING or time.monotonic() + wait > deadline or "files" in more:
                raise JudgeError(
                    f"The platform at {self.url} answered {answer.status_code}: {_words(answer)}", code="refused"
                )
            time.sleep(wait)
            wait = min(2 * wait, 30.0)

    def _scored(self, row: dict[str, Any]) -> Scored:
        if row.get("error"):
            return Scored(error=str(row["error"].get("title", "unknown")))
        self.version = row.get("version", self.version)
        return Scored(float(row["reward"]), {name: float(value) for name, value in row["by_dimension"].items()})


def _words(answer: requests.Response) -> str:
    try:
        found = answer.json()
        return str(found.get("title") or found.get("detail") or found)[:300]
    except (ValueError, AttributeError):
        return " ".join(answer.text.split())[:200]
