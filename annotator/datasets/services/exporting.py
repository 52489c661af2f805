"""A campaign becomes a dataset version: written beside its place, renamed whole, recorded once, never changed."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from annotator.accounts import audit
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign, CampaignKind
from annotator.campaigns.queries import JudgmentTable
from annotator.core.errors import ProblemError
from annotator.datasets import card, comparison_card, schema
from annotator.datasets.comparisons import Compared, comparisons_schema, pairs_schema
from annotator.datasets.downloads import stem_of, zip_size
from annotator.datasets.files import TableFiles, describe
from annotator.datasets.models import DatasetVersion
from annotator.datasets.queries import EXPORT_TASK, exported_annotations, exported_comparisons
from annotator.datasets.rows import Annotations, consensus_chunks
from annotator.jobs.models import FINISHED, Job
from annotator.jobs.services import Run, enqueue, run_job
from annotator.trust.queries import ConsensusMethod, consensus_from, require_method

TABLES = ("annotations.jsonl", "consensus.jsonl", "comparisons.jsonl", "pairs.jsonl")


def request_export(*, campaign: Campaign, requested_by: Any = None, consensus: str = ConsensusMethod.MAJORITY) -> Job:
    """Enqueue the export of a campaign; asking again for the same while it runs gives the same job.

    ``consensus``: how several people's answers become the levels that count; a reviewer's decisions come before it.
    Raises ProblemError where nobody has submitted an annotation that counts, or for an unknown consensus.
    """
    require_method(consensus)
    compares = campaign.kind == CampaignKind.COMPARING
    if not (exported_comparisons(campaign) if compares else exported_annotations(campaign)).exists():
        raise ProblemError(_nothing(campaign), code="no_annotations")
    audit.record(actor=requested_by, action="export.asked", subject=campaign.name, after={"consensus": str(consensus)})
    return enqueue(
        kind=EXPORT_TASK,
        title=f"Export “{campaign.name}”"[:200],
        params={"campaign": campaign.pk, "consensus": str(consensus)},
        requested_by=requested_by,
        dedupe_key=f"{EXPORT_TASK}:{campaign.pk}:{consensus}",
    )


def run_export(job_id: str) -> None:
    run_job(job_id, export_campaign)


def export_campaign(run: Run) -> dict[str, Any]:
    """The work of the job. A run that was killed is begun anew; its half folder goes."""
    done = DatasetVersion.objects.filter(job=run.job).first()
    if done is not None:
        return _result(done)
    remove_left_overs(own=run.job)
    campaign = Campaign.objects.select_related("checklist_version").filter(pk=run.params["campaign"]).first()
    if campaign is None:
        raise ProblemError("The campaign is not there any more.", code="no_campaign")
    folder = _root() / f".{run.job.pk}-{run.job.attempts}"
    folder.mkdir(parents=True)
    try:
        written = _write_tables(run, campaign, folder)
        same = _unchanged(campaign, written)
        if same is not None:
            return _result(same) | {
                "message": f"Nothing has changed since version {same.version}; there is no new one."
            }
        return _result(_publish(run, campaign, folder, written))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # after a success it is not there any more


@dataclass(frozen=True)
class _Written:
    """``consensus``: "" where there is none, in a dataset of comparisons."""

    contents: card.Contents | comparison_card.Contents
    files: list[dict[str, Any]]
    consensus: str


def _write_tables(run: Run, campaign: Campaign, folder: Path) -> _Written:
    return (_write_comparisons if campaign.kind == CampaignKind.COMPARING else _write_judgments)(run, campaign, folder)


def _write_comparisons(run: Run, campaign: Campaign, folder: Path) -> _Written:
    compared, contents = Compared(campaign.pk), comparison_card.Contents()
    run.stage("Writing comparisons", compared.count())
    with TableFiles(folder, "comparisons", comparisons_schema()) as table:
        for rows in compared.chunks():
            table.write(rows)
            contents.add_comparisons(rows)
            run.progress(contents.annotations)
    if not contents.annotations:
        raise ProblemError(_nothing(campaign), code="no_annotations")
    run.stage("Writing pairs", len(compared.votes))
    with TableFiles(folder, "pairs", pairs_schema()) as pairs:
        for rows in compared.pair_chunks():
            pairs.write(rows)
            contents.add_pairs(rows)
            run.progress(contents.pairs)
    run.stage("Recording the files")
    return _Written(contents, [describe(path, files.rows) for files in (table, pairs) for path in files.paths], "")


def _write_judgments(run: Run, campaign: Campaign, folder: Path) -> _Written:
    checklist = checklist_of(campaign.checklist_version)
    annotations, contents = Annotations(campaign.pk, checklist), card.Contents()
    run.stage("Writing annotations", annotations.count())
    with TableFiles(folder, "annotations", schema.annotations(checklist)) as table:
        for rows in annotations.chunks():
            table.write(rows)
            contents.add_annotations(rows)
            run.progress(contents.annotations)
    if not contents.annotations:
        raise ProblemError(_nothing(campaign), code="no_annotations")
    contents.judgments = annotations.judgments
    ids, levels = annotations.table()
    judgments = JudgmentTable(campaign.checklist_version, checklist, *ids.T, levels, annotations.judgments)
    method = run.params.get("consensus", ConsensusMethod.MAJORITY)
    consensus = consensus_from(judgments, [campaign], method)
    items, counts = np.unique(ids[:, 1], return_counts=True)
    by_item = dict(zip(items.tolist(), counts.tolist(), strict=True))
    run.stage("Writing the consensus", len(items))
    with TableFiles(folder, "consensus", schema.consensus(checklist)) as agreed:
        for rows in consensus_chunks(consensus, by_item):
            agreed.write(rows)
            contents.add_items(rows)
            run.progress(contents.items)
    run.stage("Recording the files")
    (folder / "checklist.yaml").write_text(campaign.checklist_version.source, encoding="utf-8")
    files = [describe(path, files.rows) for files in (table, agreed) for path in files.paths]
    return _Written(contents, [*files, describe(folder / "checklist.yaml")], consensus.method)


def _publish(run: Run, campaign: Campaign, folder: Path, written: _Written) -> DatasetVersion:
    with run.commit():
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)  # one version number at a time
        last = DatasetVersion.objects.filter(campaign=campaign).aggregate(last=Max("version"))["last"] or 0
        path = f"datasets/campaign-{campaign.pk}/v{last + 1}"
        data, readme = _card(campaign, written, last + 1)
        (folder / "manifest.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "README.md").write_text(readme, encoding="utf-8")
        files = [describe(folder / "README.md"), describe(folder / "manifest.json"), *written.files]
        size = zip_size(stem_of(campaign, last + 1), [folder / file["name"] for file in files])
        _rename(folder, Path(settings.ARTIFACT_ROOT) / path)
        return DatasetVersion.objects.create(
            campaign=campaign,
            version=last + 1,
            path=path,
            files=files,
            zip_bytes=size,
            manifest=data,
            annotations=written.contents.annotations,
            items=written.contents.items,
            job=run.job,
            created_by=run.job.requested_by,
        )


def _card(campaign: Campaign, written: _Written, number: int) -> tuple[dict[str, Any], str]:
    """The manifest, and the README that is made of it."""
    contents, files, now = written.contents, written.files, timezone.now()
    if isinstance(contents, comparison_card.Contents):
        data = comparison_card.manifest(campaign, contents, files, number, now)
        return data, comparison_card.readme(data)
    checklist = checklist_of(campaign.checklist_version)
    data = card.manifest(campaign, checklist, contents, files, number, now, written.consensus)
    return data, card.readme(data)


def _rename(folder: Path, place: Path) -> None:
    # No row names this version yet: what lies there was renamed by a run that died before it could record it.
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    for parent in (place, place.parent):
        descriptor = os.open(parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the names survive a power cut
        finally:
            os.close(descriptor)


def _unchanged(campaign: Campaign, written: _Written) -> DatasetVersion | None:
    """The newest version, where its tables are byte for byte what has just been written, by the same consensus."""
    newest = DatasetVersion.objects.filter(campaign=campaign).order_by("-version").first()
    if newest is None or newest.manifest.get("consensus", "") != written.consensus:
        return None

    def digests(listed: list[dict[str, Any]]) -> dict[str, str]:
        return {file["name"]: file["sha256"] for file in listed if file["name"] in TABLES}

    return newest if digests(newest.files) == digests(written.files) else None


def _result(version: DatasetVersion) -> dict[str, Any]:
    what = "comparisons" if version.manifest.get("kind") == "comparisons" else "annotations"
    return {
        "message": f"Version {version.version}: {version.annotations} {what} of {version.items} items.",
        "dataset_version": version.pk,
    }


def _nothing(campaign: Campaign) -> str:
    what = "a comparison" if campaign.kind == CampaignKind.COMPARING else "an annotation"
    return f"Nobody has submitted {what} in “{campaign.name}” yet; there is nothing to export."


def _root() -> Path:
    return Path(settings.ARTIFACT_ROOT) / "datasets"


_HALF = re.compile(r"\.(?P<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+")


def remove_left_overs(*, own: Job | None = None) -> int:
    """Half folders of exports that ended, or of earlier attempts of ``own``, go; returns how many."""
    removed = 0
    for path in _root().glob(".*"):
        name = _HALF.fullmatch(path.name)
        if name is None:
            continue
        writing = Job.objects.filter(pk=name["job"]).exclude(state__in=FINISHED)
        if own is not None:
            writing = writing.exclude(pk=own.pk)
        if not writing.exists():
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed
