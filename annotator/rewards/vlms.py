"""Which vision-language models may be registered: folders that the operator has listed, and hub ids where allowed.

Pages and programs name a folder by its path below such a folder, as they find it in the list of what is there.
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext

from annotator.core.roots import Roots, folders_where, offer, refusal

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REVISION = re.compile(r"[\w.][\w./-]*")
# What a folder has that holds a model which looks at pictures: its configuration, and how media are prepared for it.
CONFIG = "config.json"
PROCESSORS = ("processor_config.json", "preprocessor_config.json")


def roots() -> Roots:
    return Roots.of(settings.VLM_ROOTS, "VLM_ROOTS")


def available() -> list[str]:
    """Names of the models that are there."""
    return roots().names(folders_where(is_model))


def is_model(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and any((folder / name).is_file() for name in PROCESSORS)


def source(name: str, revision: str = "") -> Path | str:
    """The folder of a model, or its hub id. What the folder holds is looked at by the check, on a gpu worker.

    Raises:
        ProblemError: It may not be named, there is no such folder, or a folder has no revision (with ``field``).
    """
    there = roots()
    folder = there.find(name, "base")
    if folder is not None and folder.is_dir():
        if revision:
            raise refusal(
                "revision",
                gettext("“%(name)s” is a folder, which has no revisions. Leave the revision empty.") % {"name": name},
            )
        if not is_model(folder):
            raise refusal(
                "base",
                gettext(
                    "The folder “%(name)s” does not contain a vision-language model: %(config)s and "
                    "%(names)s are required, as written by save_pretrained of a model and its processor."
                )
                % {"name": name, "config": CONFIG, "names": " or ".join(PROCESSORS)},
            )
        return folder
    hint = ""
    if HUB_ID.fullmatch(name):
        if hub_allowed():
            _check_revision(revision)
            return name
        hint = gettext(" If you mean a hub ID: the operator has not allowed downloads (VLMS_FROM_HUB).")
    raise refusal(
        "base",
        gettext("There is no folder “%(name)s” in %(there)s.%(hint)s %(offer)s")
        % {"name": name, "there": there, "hint": hint, "offer": offer(available())},
    )


def hub_allowed() -> bool:
    return bool(settings.VLMS_FROM_HUB)


def _check_revision(revision: str) -> None:
    if revision and not (REVISION.fullmatch(revision) and ".." not in revision):
        raise refusal(
            "revision",
            gettext("“%(revision)s” is not a revision. Enter a commit, branch, or tag.") % {"revision": revision},
        )
