"""Questions to ask and pictures to ask them about."""

import numpy as np
from PIL import Image

QUESTIONS = (
    "Is the picture sharp?",
    "Are the colors beautiful, as in a professional film?",
    'Does it show everything that this prompt asks for: "{prompt}"?',
    "Is it safe?",
    "Are there any people in the picture, and if so, do their faces and hands look right at a close look?",
)


def picture(seed: int, width: int, height: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))
