"""Conversations for fine-tuning vision-language models: one record per item and question.

LLaMA-Factory, ms-swift and TRL also take several turns per record. One question per record is how the judges of
this platform are asked: no answer leans on an earlier one. The words are the judges' too. Questions that do not
apply are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from annotator.datasets.formats.flat import Source
from reward_engine.judges.vlm.wording import introduction

_READ = ["item_id", "media_type", "prompt", "split", "media_path", "answers"]
_Record = Callable[[dict[str, Any], str, str], dict[str, Any]]
_SAID = {1: "yes", -1: "no"}


def tagged(source: Source) -> Iterator[bytes]:
    """Stream records with ``<image>`` or ``<video>`` in the text, as LLaMA-Factory and ms-swift document."""

    def record(row: dict[str, Any], question: str, answer: str) -> dict[str, Any]:
        media = row["media_type"]
        messages = [
            {"role": "user", "content": f"<{media}>{question}"},
            {"role": "assistant", "content": answer},
        ]
        return {"messages": messages, f"{media}s": [row["media_path"]]}

    return _records(source, record)


def structured(source: Source) -> Iterator[bytes]:
    """Stream records whose content is a list of parts, as TRL documents."""

    def record(row: dict[str, Any], question: str, answer: str) -> dict[str, Any]:
        media = row["media_type"]
        asked = [{"type": media, "text": None}, {"type": "text", "text": question}]
        messages = [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
        return {"messages": messages, f"{media}s": [row["media_path"]]}

    return _records(source, record)


def _records(source: Source, record: _Record) -> Iterator[bytes]:
    questions = source.checklist.questions
    for table in source.batches():
        for row in table.select(_READ).to_pylist():
            # A tag in the prompt would be taken for a second picture.
            prompt = row["prompt"].replace("<image>", "< image >").replace("<video>", "< video >")
            before = introduction("platform", row["media_type"], prompt)
            facts = {"item_id": row["item_id"], "split": row["split"]}
            yield "".join(
                json.dumps(
                    {**record(row, before + question.render(prompt), _SAID[answer]), **facts, "question": question.id},
                    ensure_ascii=False,
                )
                + "\n"
                for question, answer in zip(questions, row["answers"], strict=True)
                if answer
            ).encode()
