"""The two files that say what a dataset of comparisons is: manifest.json and README.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from annotator.campaigns.models import Campaign
from annotator.datasets.card import FORMAT, line, origin
from annotator.datasets.rows import Row
from reward_engine import WRITTEN_BY


@dataclass
class Contents:
    """What is in the tables, counted while they are written."""

    annotations: int = 0  # as in a dataset of judgments: rows of the first table
    pairs: int = 0
    ties: int = 0
    annotators: set[str] = field(default_factory=set)
    synthetic: set[str] = field(default_factory=set)
    prompts: set[int] = field(default_factory=set)
    seen: dict[int, tuple[str, str, str]] = field(default_factory=dict)

    @property
    def items(self) -> int:
        return len(self.seen)

    def add_comparisons(self, rows: list[Row]) -> None:
        self.annotations += len(rows)
        for row in rows:
            self.ties += row["preferred_item_id"] is None
            self.annotators.add(row["annotator"])
            if row["annotator_is_synthetic"]:
                self.synthetic.add(row["annotator"])

    def add_pairs(self, rows: list[Row]) -> None:
        self.pairs += len(rows)
        for row in rows:
            self.prompts.add(row["prompt_id"])
            for side in ("first", "second"):
                maker = f"{row[f'{side}_generator']} {row[f'{side}_generator_version']}".strip()
                self.seen[row[f"{side}_item_id"]] = (row[f"{side}_license"], row[f"{side}_source"], maker)

    def by(self, column: int) -> dict[str, int]:
        return dict(Counter(facts[column] for facts in self.seen.values()).most_common())


def manifest(
    campaign: Campaign, contents: Contents, files: list[dict[str, Any]], version: int, now: datetime
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": "comparisons",
        "name": campaign.name,
        "version": version,
        "created_at": now.isoformat(),
        "written_by": WRITTEN_BY,
        "campaign": {"id": campaign.pk, "overlap": campaign.overlap, "is_demo": campaign.is_demo},
        "media_type": campaign.media_type,
        "counts": {
            "comparisons": contents.annotations,
            "ties": contents.ties,
            "pairs": contents.pairs,
            "items": contents.items,
            "prompts": len(contents.prompts),
            "annotators": len(contents.annotators),
            "synthetic_annotators": len(contents.synthetic),
        },
        "licenses": contents.by(0),
        "sources": contents.by(1),
        "generators": contents.by(2),
        "files": files,
    }


def readme(data: dict[str, Any]) -> str:
    """The data card, from the manifest. Its front matter is what dataset hubs and ``load_dataset`` read."""
    counts = data["counts"]
    front = yaml.safe_dump(
        {
            "pretty_name": f"{data['name']} v{data['version']}",
            "configs": [
                {"config_name": "comparisons", "data_files": "comparisons.parquet", "default": True},
                {"config_name": "pairs", "data_files": "pairs.parquet"},
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
    files = "\n".join(
        f"| `{file['name']}` | {'' if file['rows'] is None else file['rows']} | {file['bytes']} | `{file['sha256']}` |"
        for file in data["files"]
    )
    return f"""---
{front}---

# {line(data["name"])}, version {data["version"]}

{counts["comparisons"]} comparisons of {counts["pairs"]} pairs of {data["media_type"]}s ({counts["prompts"]} prompts) \
by {counts["annotators"]} annotators, {counts["ties"]} of them without a difference, created {data["created_at"][:10]}.
{warning}
## Files
| file | rows | bytes | sha256 |
|---|---|---|---|
{files}

`comparisons` has one row per comparison (one person's view of a pair), `pairs` one row per pair. Both come as JSONL and
as Parquet with the same content. Media files are not included: `…_media_sha256` and `…_media_file` name them.

## Columns
- `left_…`, `right_…`: the two items as they stood side by side; sides are random and turned for every
  other person.
- `preference`: `left`, `right` or `tie` (no difference). `preferred_item_id`: the preferred item, null for a tie.
- `much_better`: whether the preferred item is much better, where the campaign asked for it.
- `annotator`: a pseudonym, the same for one person in every export of this platform.
- `milliseconds`: how long the choice took. `started_at`, `submitted_at`: UTC.
- In `pairs`: `for_first`, `for_second` and `ties` count people; `preferred_item_id` is the item more people prefer,
  null if the votes are even.

{origin(data)}

## Loading
```python
import pandas
comparisons = pandas.read_parquet("comparisons.parquet")

import datasets  # the folder as it is
pairs = datasets.load_dataset(".", "pairs")
```
"""
