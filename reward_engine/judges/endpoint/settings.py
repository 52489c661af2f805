"""How a server is asked: plain settings with a reason beside each. No secret is among them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from reward_engine.errors import JudgeError


@dataclass(frozen=True)
class EndpointSettings:
    """``base_url``: the address with its version, as in http://host:8000/v1. ``model``: as the server names it."""

    base_url: str
    model: str
    api_key_env: str = "ENDPOINT_API_KEY"  # the environment variable that holds the key; it is never stored
    concurrency: int = 16  # requests under way at once; a server batches what comes together
    timeout_seconds: float = 60.0  # of one request
    retries: int = 4  # of a request that fails for a reason that may pass
    top_logprobs: int = 20  # the most that servers give; the answer is read off these tokens
    wording: Literal["platform", "published"] = "platform"  # "published": the bare question
    frames: int | None = None  # of a clip, spread evenly; None: one a second, at most 24, as published
    frame_max_side: int = 768  # pixels

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username or address.query:
            raise JudgeError(
                f"“{self.base_url}” is no address of a server; give one like http://host:8000/v1, without a name or "
                "password in it.",
                code="address",
            )
        if not self.model.strip():
            raise JudgeError("Name the model as the server names it.", code="settings")
        for name in ("concurrency", "top_logprobs", "frame_max_side"):
            if getattr(self, name) < 1:
                raise JudgeError(f"{name} must be at least 1; it is {getattr(self, name)}.", code="settings")
        if self.frames is not None and self.frames < 1:
            raise JudgeError(f"frames must be at least 1; it is {self.frames}.", code="settings")
        if self.retries < 0 or not self.timeout_seconds > 0:
            raise JudgeError("retries must not be negative, and timeout_seconds larger than 0.", code="settings")
        if self.wording not in ("platform", "published"):
            raise JudgeError(f"“{self.wording}” is no wording; choose platform or published.", code="settings")

    def plain(self) -> dict[str, Any]:
        return asdict(self)
