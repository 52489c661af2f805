"""The two files that say what a dataset is: manifest.json for programs, README.md for people and dataset hubs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import yaml

from annotator.campaigns.models import Campaign
from reward_engine import WRITTEN_BY
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
    licenses: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)

    def add_items(self, items: pa.Table) -> None:
        """Count the items of the consensus.

        Args:
            items: A table with the columns of ``schema.ITEM``.
        """
        self.items += len(items)
        self.prompts.update(items["prompt_id"].unique().to_pylist())
        self.licenses.update(items["license"].to_pylist())
        self.sources.update(items["source"].to_pylist())
        names, versions = items["generator"].to_pylist(), items["generator_version"].to_pylist()
        self.generators.update(f"{name} {version}".strip() for name, version in zip(names, versions, strict=True))


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
        "written_by": WRITTEN_BY,
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
        "licenses": dict(contents.licenses.most_common()),
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
    "majority": """- In `consensus` (by majority): `annotation` is the level most annotators chose (the middle one of \
tied levels);
  `support` is how many judged, `agreement` which share of them chose that level.""",
    "reliability": """- In `consensus` (weighted by reliability): `annotation` is the likeliest level if answers \
are weighted by
  their annotator's reliability (Dawid & Skene 1979); `support`: how many judged; `agreement`: how likely it is.""",
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
        + (" a category |" if sub["kind"] != "ordinal" else " |")
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
{counts["annotators"]} annotators, {counts["judgments"]} judgments in total, created {data["created_at"][:10]}.
{warning}
## Files
| file | rows | bytes | sha256 |
|---|---|---|---|
{files}

`annotations` has one row per annotation (an item as one person judged it), `consensus` one row per item. Both come as
JSONL and as Parquet with the same content. `checklist.yaml` holds every level's and question's wording; \
`manifest.json` has all of this for programs. Media files are not included: `media_sha256` and `media_file` name them.

## Columns
- `annotation`: the level of each sub-dimension, null if it was not judged. Levels that follow from another ("there
  is no face") are filled in; a level that contradicts another is left out.
- `answers`: the checklist's {len(data["questions"])} yes/no questions in the order of `manifest.json`, as the levels
  imply them: 1 yes, -1 no, 0 where a question does not apply or was not judged.
- `meta_result` (1 yes, 0 otherwise) and `meta_mask` (1 where the question applies) say the same in the published form.
- `milliseconds`: time spent on each sub-dimension. `started_at`, `submitted_at`: UTC.
- `suggested`: the levels that a reward model (`suggested_by`) had suggested for these answers, and
  `suggestions_shown` whether the annotator saw them; null and empty without a model.
- `annotator`: a pseudonym, the same for one person in every export of this platform.
- `purpose`: `work`, or `gold` if the answers were known beforehand to measure annotators.
{CONSENSUS[data["consensus"]]}
- `adjudicated`: the sub-dimensions that a reviewer decided; the decision overrides the votes.

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
    """The section that says under which licenses the media are, and where they come from."""
    return f"""## Licenses of the media
{counted(data["licenses"], "item")}

The media come from:
{counted(data["sources"], "item")}

and were generated by:
{counted(data["generators"], "item")}"""


def line(text: str) -> str:
    return " ".join(text.split())


def counted(counts: dict[str, int], what: str) -> str:
    return "\n".join(
        f"- {line(name) or '(not specified)'}: {count} {what}{'' if count == 1 else 's'}"
        for name, count in counts.items()
    )
