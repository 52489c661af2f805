"""Reads of prompt sets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from annotator.generations.models import GenerationSet, PromptSet, PromptSetMember

CHUNK = 2000
_LINE_ENDS = re.compile(r"[\r\n]+")


def prompt_sets() -> QuerySet[PromptSet]:
    """Newest first, each with its ``prompt_count`` and how many ``generations`` were made for it."""
    counts = {
        "prompt_count": PromptSetMember.objects.filter(prompt_set=OuterRef("pk")),
        "generations": GenerationSet.objects.filter(prompt_set=OuterRef("pk")),
    }
    annotations = {
        name: Coalesce(
            Subquery(
                rows.order_by().values("prompt_set").annotate(n=Count("pk")).values("n"), output_field=IntegerField()
            ),
            Value(0),
        )
        for name, rows in counts.items()
    }
    return PromptSet.objects.select_related("created_by").annotate(**annotations).order_by("-created_at")


def members(prompt_set: PromptSet) -> QuerySet[PromptSetMember]:
    """List the prompts of a set in their order."""
    return prompt_set.members.select_related("prompt").order_by("position")


def written(prompt_set: PromptSet, kind: str) -> Iterator[bytes]:
    """Write the set as a file, in pieces.

    As ``txt``, a line holds one prompt, with spaces for its line breaks. As ``jsonl``, a line holds one object.
    """
    rows = prompt_set.members.order_by("position").values_list("position", "prompt_id", "prompt__text")
    last = -1
    while chunk := list(rows.filter(position__gt=last)[:CHUNK]):
        if kind == "txt":
            lines = [_LINE_ENDS.sub(" ", text) for _, _, text in chunk]
        else:
            lines = [
                json.dumps({"prompt": text, "id": pk, "position": position}, ensure_ascii=False)
                for position, pk, text in chunk
            ]
        yield ("\n".join(lines) + "\n").encode()
        last = chunk[-1][0]
