"""The photographs of the demo: those in scikit-image's wheel whose documentation there frees them for any use.

What is said of a license stands in the docstring of the function in ``skimage.data`` that loads the file. Left out
are those of which it says nothing (moon, page, motorcycle, lfw_subset), what is no photograph (phantom, horse, logo,
text) and what is too small or unsharp to degrade (microaneurysms, clock_motion, cell).

``seen`` is what everybody sees in the untouched photograph, by inspection; matters of taste are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray
from PIL import Image

from annotator.core.errors import ProblemError

CC0 = "CC0-1.0"
PUBLIC_DOMAIN = "public domain"
UNRESTRICTED = "no known copyright restrictions"

NOBODY = {"body": -4, "face": -3, "hands": -4}


@dataclass(frozen=True)
class Photograph:
    """``box``: the part that is used (left, top, right, bottom; None: all). ``color``: not black and white.

    ``subject``: where its one main subject is, in shares of the width and height; None where it has none.
    ``night``: its colors are dark as taken. ``lit``: one sees at once where its light comes from.
    ``mirrored``: whether it resembles its mirror image as it is; None where one could argue.
    """

    name: str
    file: str
    prompt: str
    license: str
    credit: str
    box: tuple[int, int, int, int] | None = None
    color: bool = True
    night: bool = False
    lit: bool = False
    subject: tuple[float, float, float, float] | None = None
    mirrored: bool | None = False
    seen: dict[str, int] = field(default_factory=lambda: NOBODY, hash=False)

    @property
    def source(self) -> str:
        return f"scikit-image, data/{self.file} ({self.credit})"


PHOTOGRAPHS = (
    Photograph(
        "astronaut", "astronaut.png",
        "A smiling astronaut in an orange space suit in front of a flag and a model of the space shuttle",
        PUBLIC_DOMAIN, "NASA", lit=True, subject=(0.05, 0.0, 0.7, 0.95), seen={"body": 1, "face": 1, "hands": -4},
    ),
    Photograph(
        "cat", "chelsea.png", "A close-up of the face of a ginger tabby cat with green eyes",
        CC0, "Stéfan van der Walt", subject=(0.0, 0.0, 0.8, 1.0),
    ),
    Photograph(
        "coffee", "coffee.png", "A cup of espresso on a red saucer with a spoon, on a wooden table",
        CC0, "Rachel Michetti, Pikolo Espresso Bar", lit=True, subject=(0.12, 0.0, 0.82, 0.98),
    ),
    Photograph(
        "rocket", "rocket.jpg", "A white rocket on its launch pad between steel towers at dusk",
        PUBLIC_DOMAIN, "SpaceX", night=True, subject=(0.42, 0.25, 0.6, 1.0), mirrored=None,
    ),
    Photograph(
        "galaxies", "hubble_deep_field.jpg", "Small galaxies in many colors on the black of space",
        PUBLIC_DOMAIN, "NASA, ESA", box=(0, 0, 500, 500), night=True,
    ),
    Photograph(
        "deep-space", "hubble_deep_field.jpg", "A bright orange galaxy among hundreds of others in deep space",
        PUBLIC_DOMAIN, "NASA, ESA", box=(500, 372, 1000, 872), night=True,
    ),
    Photograph(
        "eye-nerve", "retina.jpg", "The inside of an eye: a bright yellow spot where all the blood vessels meet",
        CC0, "Mikael Häggström", box=(60, 300, 700, 940), subject=(0.0, 0.25, 0.5, 0.85),
    ),
    Photograph(
        "eye-vessels", "retina.jpg", "Thin blood vessels branching over the orange inside of an eye",
        CC0, "Mikael Häggström", box=(700, 300, 1340, 940),
    ),
    Photograph(
        "tissue", "ihc.png", "Brown and blue stained tissue under a microscope",
        UNRESTRICTED, "Center for Microscopy and Molecular Imaging",
    ),
    Photograph(
        "cameraman", "camera.png", "A black and white photograph of a man at a camera on a tripod on a lawn",
        CC0, "Lav Varshney", color=False, lit=True, subject=(0.02, 0.1, 0.7, 1.0),
        seen={"body": 1, "face": 0, "hands": 0},
    ),
    Photograph(
        "coins", "coins.png", "A black and white photograph of rows of ancient coins",
        UNRESTRICTED, "Brooklyn Museum", color=False, lit=True,
    ),
    Photograph(
        "bricks", "brick.png", "A black and white photograph of a pavement of long bricks",
        CC0, "CC0Textures, Bricks25", color=False, mirrored=None,
    ),
    Photograph(
        "grass", "grass.png", "A black and white photograph of grass seen from above",
        CC0, "linolafett", color=False, mirrored=None,
    ),
    Photograph(
        "gravel", "gravel.png", "A black and white photograph of broken gray stones lying close together",
        CC0, "CC0Textures, Gravel04", color=False, lit=True, mirrored=None,
    ),
)  # fmt: skip

BY_NAME = {photograph.name: photograph for photograph in PHOTOGRAPHS}


@lru_cache(maxsize=len(PHOTOGRAPHS))
def pixels_of(photograph: Photograph) -> NDArray[np.uint8]:
    """The used part of the photograph as uint8 RGB [h, w, 3], in the pixels of the file."""
    path = data_folder() / photograph.file
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB").crop(photograph.box) if photograph.box else image.convert("RGB")
    except OSError as error:
        raise ProblemError(
            gettext(
                "The demo photograph %(file)s cannot be read from scikit-image (%(error)s). Install the "
                "locked requirements again."
            )
            % {"file": photograph.file, "error": error},
            code="demo_photograph",
        ) from error
    return np.asarray(picture)


def data_folder() -> Path:
    """Where the installed scikit-image keeps its data; found without importing it."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise ProblemError(
            gettext(
                "The demo photographs come with scikit-image, which is not installed. Install the locked requirements."
            ),
            code="demo_photograph",
        )
    return Path(spec.origin).parent / "data"
