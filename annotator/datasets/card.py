"""The two files that say what a dataset is: manifest.json for programs, README.md for people and dataset hubs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from annotator.campaigns.models import Campaign
from annotator.datasets.rows import Row
from reward_engine.checklist import Checklist

FORMAT = 1


@dataclass
class Contents:
    """What is in the tables, counted while they are written."""

    annotations: int = 0
    judgments: int = 0
    items: int = 0
    annotators: set[str] = field(default_factory=set)
    synthetic: set[str] = field(default_factory=set)
    prompts: set[int] = field(default_factory=set)
    licences: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)

    def add_annotations(self, rows: list[Row]) -> None:
        self.annotations += len(rows)
        for row in rows:
            self.annotators.add(row["annotator"])
            if row["annotator_is_synthetic"]:
                self.synthetic.add(row["annotator"])

    def add_items(self, rows: list[Row]) -> None:
        self.items += len(rows)
        for row in rows:
            self.prompts.add(row["prompt_id"])
            self.licences[row["licence"]] += 1
            self.sources[row["source"]] += 1
            self.generators[f"{row['generator']} {row['generator_version']}".strip()] += 1


def manifest(
    campaign: Campaign,
    checklist: Checklist,
    contents: Contents,
    files: list[dict[str, Any]],
    version: int,
    now: datetime,
    consensus: str,
) -> dict[str, Any]:
    stored = campaign.checklist_version
    return {
        "format": FORMAT,
        "name": campaign.name,
        "version": version,
        "created_at": now.isoformat(),
        "campaign": {"id": campaign.pk, "overlap": campaign.overlap, "is_demo": campaign.is_demo},
        "media_type": campaign.media_type,
        "checklist": {
            "name": stored.name, "version": stored.version, "sha256": stored.content_hash, "file": "checklist.yaml",
        },
        "counts": {
            "annotations": contents.annotations,
            "judgments": contents.judgments,
            "items": contents.items,
            "prompts": len(contents.prompts),
            "annotators": len(contents.annotators),
            "synthetic_annotators": len(contents.synthetic),
        },
        "licences": dict(contents.licences.most_common()),
        "sources": dict(contents.sources.most_common()),
        "generators": dict(contents.generators.most_common()),
        "consensus": consensus,
        "absent": None,
        "sub_dimensions": [
            {"id": sub.id, "name": sub.name, "kind": sub.kind, "lowest": sub.lowest, "highest": sub.highest}
            for sub in checklist.sub_dimensions
        ],
        "questions": [
            {"id": question.id, "sub_dimension": question.sub_dimension, "threshold": question.threshold,
             "text": question.text}
            for question in checklist.questions
        ],
        "files": files,
    }  # fmt: skip


CONSENSUS = {
    "majority": """- In `consensus` (by majority): `annotation` is the level most annotators chose (of levels chosen \
equally often the
  middle one); `support` says how many judged, `agreement` which share of them chose that level.""",
    "reliability": """- In `consensus` (weighted by reliability): `annotation` is the likeliest level where answers \
weigh as much as their
  annotator is reliable (Dawid & Skene 1979); `support` says how many judged, `agreement` how likely that level is.""",
}


def readme(data: dict[str, Any]) -> str:
    """The data card, from the manifest. Its front matter is what dataset hubs and ``load_dataset`` read."""
    counts = data["counts"]
    front = yaml.safe_dump(
        {
            "pretty_name": f"{data['name']} v{data['version']}",
            "task_categories": [f"{data['media_type']}-classification"],
            "configs": [
                {"config_name": "annotations", "data_files": "annotations.parquet", "default": True},
                {"config_name": "consensus", "data_files": "consensus.parquet"},
            ],
        },
        sort_keys=False,
        allow_unicode=True,
    )
    synthetic = counts["synthetic_annotators"]
    warning = (
        f"\n**{synthetic} of the {counts['annotators']} annotators are synthetic**: scripts with a known error rate. "
        "Their rows say `annotator_is_synthetic: true`.\n"
        if synthetic
        else ""
    )
    rows = "\n".join(
        f"| `{sub['id']}` | {sub['name']} | {sub['lowest']} … {sub['highest']} |"
        + (" a category, no ladder |" if sub["kind"] != "ordinal" else " |")
        for sub in data["sub_dimensions"]
    )
    files = "\n".join(
        f"| `{file['name']}` | {'' if file['rows'] is None else file['rows']} | {file['bytes']} | `{file['sha256']}` |"
        for file in data["files"]
    )
    return f"""---
{front}---

# {line(data["name"])}, version {data["version"]}

{counts["annotations"]} annotations of {counts["items"]} {data["media_type"]}s ({counts["prompts"]} prompts) by \
{counts["annotators"]} annotators, {counts["judgments"]} judgments in all, made {data["created_at"][:10]}.
{warning}
## Files
| file | rows | bytes | sha256 |
|---|---|---|---|
{files}

`annotations` has one row an annotation (an item as one person judged it), `consensus` one row an item. Both come as
JSONL and as Parquet with the same content. `checklist.yaml` holds every level's and question's wording; \
`manifest.json` says all of this for programs. Media files are not included: `media_sha256` and `media_file` name them.

## Columns
- `annotation`: the level of each sub-dimension, null where it was not judged. Levels that follow from another ("there
  is no face") are filled in; a level that contradicts another is left out.
- `answers`: the checklist's {len(data["questions"])} yes/no questions in the order of `manifest.json`, as the levels
  imply them: 1 yes, -1 no, 0 where a question does not apply or was not judged.
- `meta_result` (1 yes, 0 otherwise) and `meta_mask` (1 where the question applies) say the same in the published form.
- `milliseconds`: how long each ladder was looked at. `started_at`, `submitted_at`: UTC.
- `suggested`: the levels that a reward model (`suggested_by`) had suggested where the answers were given, and
  `suggestions_shown` whether the annotator saw them; null and empty where no model was asked.
- `annotator`: a pseudonym, the same for one person in every export of this platform.
- `purpose`: `work`, or `gold` where the answers were known beforehand to measure annotators.
{CONSENSUS[data["consensus"]]}
- `adjudicated`: the sub-dimensions of the item that a reviewer decided; their word comes before every vote.

## Sub-dimensions
| id | name | levels | |
|---|---|---|---|
{rows}

Checklist: {line(data["checklist"]["name"])} version {data["checklist"]["version"]}, sha256 \
`{data["checklist"]["sha256"]}`.

{origin(data)}

## Loading
```python
import pandas
annotations = pandas.read_parquet("annotations.parquet")

import datasets  # the folder as it is
consensus = datasets.load_dataset(".", "consensus")
```
"""


def origin(data: dict[str, Any]) -> str:
    """The section that says under which licences the media are, and where they come from."""
    return f"""## Licences of the media
{counted(data["licences"], "item")}

The media come from:
{counted(data["sources"], "item")}

and were made by:
{counted(data["generators"], "item")}"""


def line(text: str) -> str:
    return " ".join(text.split())


def counted(counts: dict[str, int], what: str) -> str:
    return "\n".join(
        f"- {line(name) or '(not given)'}: {count} {what}{'' if count == 1 else 's'}" for name, count in counts.items()
    )
