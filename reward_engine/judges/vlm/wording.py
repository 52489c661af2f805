"""What the model is asked, in which words. A change here changes answers: raise VERSION with it."""

from __future__ import annotations

from reward_engine.judges.base import MediaType

VERSION = 1

ALIGNMENT = {
    "image": 'Does the image show what this prompt asks for: "{prompt}"?',
    "video": 'Does the video show what this prompt asks for: "{prompt}"?',
}


def introduction(media_type: MediaType, prompt: str) -> str:
    """What stands before every question; it is part of the shared prefix."""
    made = f' It was made by a generator from this prompt: "{prompt}".' if prompt.strip() else ""
    return f"Look at the {media_type} closely.{made} Answer the question with one word, yes or no.\nQuestion:"
