"""What the model is asked, in which words. A change here changes answers: raise VERSION with it."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from reward_engine.errors import JudgeError
from reward_engine.judges.base import MediaType

Wording: TypeAlias = Literal["platform", "published"]
"""``platform``: an introduction of ours, then the question. ``published``: the bare question, as the published models
were trained on and as their scorer asks."""

VERSION = 1

ALIGNMENT = {
    "image": 'Does the image show what this prompt asks for: "{prompt}"?',
    "video": 'Does the video show what this prompt asks for: "{prompt}"?',
}


def introduction(wording: Wording, media_type: MediaType, prompt: str) -> str:
    """Write what stands before every question, with the space behind it.

    It is part of the shared prefix.
    """
    if wording == "published":
        return ""
    made = f' It was made by a generator from this prompt: "{prompt}".' if prompt.strip() else ""
    return f"Look at the {media_type} closely.{made} Answer the question with one word, yes or no.\nQuestion: "


def chosen(wording: str) -> Wording:
    """The wording by this name; ``auto`` is the platform's.

    Raises:
        JudgeError: There is no such wording.
    """
    if wording == "auto":
        return "platform"
    if wording not in get_args(Wording):
        raise JudgeError(f"“{wording}” is no wording; choose auto, platform or published.", code="wording")
    return "published" if wording == "published" else "platform"


def identity(wording: str) -> str:
    """Say what a judge's version holds of the wording."""
    name = chosen(wording)
    return str(VERSION) if name == "platform" else f"{name}-{VERSION}"
