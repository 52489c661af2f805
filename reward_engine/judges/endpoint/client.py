"""One question to the server: the request, its retries, and what the answer says."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from reward_engine.errors import JudgeError
from reward_engine.judges.endpoint.settings import EndpointSettings
from reward_engine.judges.spelling import answer_of

PASSING = (408, 409, 425, 429, 500, 502, 503, 504)
"""Statuses that may be gone at the next try."""
LONGEST_WAIT_SECONDS = 30.0


class Client:
    """Connections to one server, kept open; one session a thread."""

    def __init__(self, settings: EndpointSettings, stop: threading.Event | None = None) -> None:
        self.settings, self.stop = settings, stop or threading.Event()
        self.base = settings.base_url.rstrip("/")
        self._local = threading.local()

    def models(self) -> dict[str, Any]:
        """Ask what the server says of the model.

        Raises:
            JudgeError: If it does not serve it.
        """
        found = self._ask("GET", "models", None)
        rows = found.get("data")
        named = {str(row.get("id")): row for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}
        if self.settings.model not in named:
            names = ", ".join(sorted(named)[:8]) or "none"
            raise JudgeError(
                f"The server at {self.base} does not serve “{self.settings.model}”; it serves: {names}.",
                code="no_model",
            )
        row = named[self.settings.model]
        return {key: row[key] for key in ("id", "root", "parent", "max_model_len") if row.get(key) is not None}

    def log_odds(self, content: Sequence[Mapping[str, Any]]) -> float:
        """Ask one question; log P(yes) − log P(no).

        Raises:
            JudgeError: If it cannot be read off.
        """
        body = {
            "model": self.settings.model,
            "messages": [{"role": "user", "content": list(content)}],
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": self.settings.top_logprobs,
        }
        found = self._ask("POST", "chat/completions", body)
        try:
            tokens = found["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            said = [(str(one["token"]), float(one["logprob"])) for one in tokens]
        except (KeyError, IndexError, TypeError, ValueError):
            raise JudgeError(
                f"The server at {self.base} gave no top_logprobs, so P(yes) cannot be read off. Start it so that it "
                "gives log probabilities.",
                code="no_logprobs",
            ) from None
        return odds(said)

    def _ask(self, method: str, path: str, body: Any) -> dict[str, Any]:
        last = ""
        for attempt in range(self.settings.retries + 1):
            if self.stop.is_set():
                raise JudgeError("The judging was canceled.", code="canceled")
            wait = min(LONGEST_WAIT_SECONDS, 0.25 * 2**attempt)
            try:
                answer = self._session().request(
                    method, f"{self.base}/{path}", json=body, timeout=self.settings.timeout_seconds,
                    allow_redirects=False,
                )  # fmt: skip
            except requests.Timeout:
                last = f"it did not answer within {self.settings.timeout_seconds:g} s"
            except requests.RequestException as error:
                last = f"it cannot be reached ({type(error).__name__})"
            else:
                if answer.status_code == 200:
                    return self._json(answer)
                last = self._refusal(answer)
                wait = max(wait, _retry_after(answer))
            if attempt < self.settings.retries:
                self.stop.wait(min(wait, LONGEST_WAIT_SECONDS))
        tries = self.settings.retries + 1
        raise JudgeError(f"The server at {self.base}: {last}, {tries} times.", code="unreachable")

    def _refusal(self, answer: requests.Response) -> str:
        """Words for a refusal that may pass.

        Raises:
            JudgeError: For one that will not.
        """
        said = _message(answer)
        if answer.status_code in PASSING:
            return f"it answered {answer.status_code}{said}"
        if answer.status_code in (401, 403):
            raise JudgeError(
                f"The server at {self.base} refuses the key ({answer.status_code}). Set the environment variable "
                f"{self.settings.api_key_env} for the workers.",
                code="key",
            )
        if answer.status_code == 404:
            raise JudgeError(
                f"The server at {self.base} knows no such address or model (404{said}). The address must end where the "
                "protocol begins, mostly with /v1.",
                code="not_found",
            )
        raise JudgeError(f"The server at {self.base} answered {answer.status_code}{said}.", code="refused")

    def _json(self, answer: requests.Response) -> dict[str, Any]:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise JudgeError(f"The server at {self.base} did not answer with a JSON object.", code="protocol")
        return found

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False  # a proxy of the environment is not on the operator's list
            key = os.environ.get(self.settings.api_key_env)
            if key:
                session.headers["Authorization"] = f"Bearer {key}"
        return session


def odds(said: Sequence[tuple[str, float]]) -> float:
    """Compute log P(yes) − log P(no) from likely tokens.

    Takes (token, log probability) of the likeliest. Where one of the two is not among them, it has at most the
    probability of the least likely one that is: the answer is then a bound, on the side of less certainty.

    Raises:
        JudgeError: If neither is there.
    """
    found: dict[str, list[float]] = {"yes": [], "no": []}
    for token, logprob in said:
        answer = answer_of(token)
        if answer is not None:
            found[answer].append(logprob)
    if not found["yes"] and not found["no"]:
        shown = ", ".join(repr(token) for token, _ in said[:5])
        raise JudgeError(
            f"The model answers with neither yes nor no (likeliest tokens: {shown}). Choose a model that follows the "
            "question, or another wording.",
            code="no_answer",
        )
    least = min(logprob for _, logprob in said)
    sums = {word: _logsumexp(values) if values else least for word, values in found.items()}
    return sums["yes"] - sums["no"]


def _logsumexp(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values)) if math.isfinite(top) else top


def _message(answer: requests.Response) -> str:
    try:
        found = answer.json()
        error = found.get("error", found)
        text = error.get("message") if isinstance(error, dict) else error
    except (ValueError, AttributeError):
        text = answer.text
    line = " ".join(str(text or "").split())[:200]
    return f": {line}" if line else ""


def _retry_after(answer: requests.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
