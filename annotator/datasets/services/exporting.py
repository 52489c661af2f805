"""A campaign becomes a dataset version: written beside its place, renamed whole, recorded once, never changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext

from annotator.accounts import audit
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign, CampaignKind
from annotator.campaigns.queries import JudgmentTable
from annotator.core.downloads import zip_size
from annotator.core.errors import ProblemError
from annotator.core.replica import from_replica
from annotator.core.texts import in_all_languages, items_text
from annotator.datasets import card, comparison_card
from annotator.datasets.comparisons import ComparisonRows, comparisons_schema, pairs_schema
from annotator.datasets.downloads import stem_of
from annotator.datasets.files import TableFiles, describe
from annotator.datasets.models import DatasetVersion
from annotator.datasets.queries import EXPORT_TASK, exported_annotations, exported_comparisons
from annotator.datasets.rows import Annotations, consensus_chunks
from annotator.datasets.schema import annotations_schema, consensus_schema
from annotator.jobs import abandoned_folders
from annotator.jobs.models import Job
from annotator.jobs.services import JobRun, enqueue, run_job
from annotator.trust.queries import ConsensusMethod, consensus_from, require_method
from reward_engine.storage import sync_folder

TABLES = ("annotations.jsonl", "consensus.jsonl", "comparisons.jsonl", "pairs.jsonl")


def request_export(*, campaign: Campaign, requested_by: Any = None, consensus: str = ConsensusMethod.MAJORITY) -> Job:
    """Enqueue the export of a campaign.

    Asking again for the same while it runs returns the same job.

    Args:
        consensus: How several people's answers become the levels that count; a reviewer's decisions come before it.

    Raises:
        ProblemError: If nobody has submitted an annotation that counts, or for an unknown consensus.
    """
    require_method(consensus)
    compares = campaign.kind == CampaignKind.COMPARING
    if not (exported_comparisons(campaign) if compares else exported_annotations(campaign)).exists():
        raise ProblemError(_nothing(campaign), code="no_annotations")
    audit.record(actor=requested_by, action="export.asked", subject=campaign.name, after={"consensus": str(consensus)})
    return enqueue(
        kind=EXPORT_TASK,
        title=in_all_languages(lambda: gettext("Export “%(name)s”") % {"name": campaign.name}),
        params={"campaign": campaign.pk, "consensus": str(consensus)},
        requested_by=requested_by,
        dedupe_key=f"{EXPORT_TASK}:{campaign.pk}:{consensus}",
    )


def run_export(job_id: str) -> None:
    """Run an export job."""
    run_job(job_id, export_campaign)


def export_campaign(run: JobRun) -> dict[str, Any]:
    """Export a campaign within its job.

    A run that was killed begins anew, and its unfinished folder is removed.
    """
    done = DatasetVersion.objects.filter(job=run.job).first()
    if done is not None:
        return _result(done)
    remove_abandoned_exports(own=run.job)
    campaign = Campaign.objects.select_related("checklist_version").filter(pk=run.params["campaign"]).first()
    if campaign is None:
        raise ProblemError(gettext("The campaign no longer exists."), code="no_campaign")
    folder = _root() / f".{run.job.pk}-{run.job.attempts}"
    folder.mkdir(parents=True)
    try:
        with from_replica():
            written = _write_tables(run, campaign, folder)
        same = _unchanged(campaign, written)
        if same is not None:
            text = in_all_languages(
                lambda: (
                    gettext("Nothing has changed since version %(version)s, so no new version was created.")
                    % {"version": same.version}
                )
            )
            return _result(same) | {"message": text}
        return _result(_publish(run, campaign, folder, written))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # after a success it is not there any more


@dataclass(frozen=True)
class _Written:
    """``consensus``: "" where there is none, in a dataset of comparisons."""

    contents: card.Contents | comparison_card.Contents
    files: list[dict[str, Any]]
    consensus: str


def _write_tables(run: JobRun, campaign: Campaign, folder: Path) -> _Written:
    return (_write_comparisons if campaign.kind == CampaignKind.COMPARING else _write_judgments)(run, campaign, folder)


def _write_comparisons(run: JobRun, campaign: Campaign, folder: Path) -> _Written:
    compared, contents = ComparisonRows(campaign.pk), comparison_card.Contents()
    run.stage(gettext_noop("Writing comparisons"), compared.count())
    with TableFiles(folder, "comparisons", comparisons_schema()) as table:
        for rows in compared.chunks():
            table.write(rows)
            contents.add_comparisons(rows)
            run.progress(contents.annotations)
    if not contents.annotations:
        raise ProblemError(_nothing(campaign), code="no_annotations")
    run.stage(gettext_noop("Writing pairs"), len(compared.votes))
    with TableFiles(folder, "pairs", pairs_schema()) as pairs:
        for rows in compared.pair_chunks():
            pairs.write(rows)
            contents.add_pairs(rows)
            run.progress(contents.pairs)
    run.stage(gettext_noop("Recording the files"))
    return _Written(contents, [describe(path, files.rows) for files in (table, pairs) for path in files.paths], "")


def _write_judgments(run: JobRun, campaign: Campaign, folder: Path) -> _Written:
    checklist = checklist_of(campaign.checklist_version)
    annotations, contents = Annotations(campaign.pk, checklist), card.Contents()
    run.stage(gettext_noop("Writing annotations"), annotations.count())
    with TableFiles(folder, "annotations", annotations_schema(checklist)) as table:
        for chunk in annotations.chunks():
            table.write_chunk(chunk)
            run.progress(table.rows)
    contents.annotations = table.rows
    contents.annotators, contents.synthetic = annotations.annotators, annotations.synthetic
    if not contents.annotations:
        raise ProblemError(_nothing(campaign), code="no_annotations")
    contents.judgments = annotations.judgments
    ids, levels = annotations.table()
    assignments, items, prompts, annotators = ids.T
    judgments = JudgmentTable(
        campaign.checklist_version, checklist, assignments, items, prompts, annotators, levels, annotations.judgments
    )
    method = run.params.get("consensus", ConsensusMethod.MAJORITY)
    consensus = consensus_from(judgments, [campaign], method)
    _judged, counts = np.unique(items, return_counts=True)
    run.stage(gettext_noop("Writing the consensus"), len(counts))
    with TableFiles(folder, "consensus", consensus_schema(checklist)) as agreed:
        for chunk, described in consensus_chunks(consensus, counts):
            agreed.write_chunk(chunk)
            contents.add_items(described.table)
            run.progress(contents.items)
    run.stage(gettext_noop("Recording the files"))
    (folder / "checklist.yaml").write_text(campaign.checklist_version.source, encoding="utf-8")
    files = [describe(path, files.rows) for files in (table, agreed) for path in files.paths]
    return _Written(contents, [*files, describe(folder / "checklist.yaml")], consensus.method)


def _publish(run: JobRun, campaign: Campaign, folder: Path, written: _Written) -> DatasetVersion:
    with run.commit():
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)  # one version number at a time
        last = DatasetVersion.objects.filter(campaign=campaign).aggregate(last=Max("version"))["last"] or 0
        path = f"datasets/campaign-{campaign.pk}/v{last + 1}"
        data, readme = _card(campaign, written, last + 1)
        (folder / "manifest.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "README.md").write_text(readme, encoding="utf-8")
        files = [describe(folder / "README.md"), describe(folder / "manifest.json"), *written.files]
        size = zip_size(stem_of(campaign, last + 1), {file["name"]: folder / file["name"] for file in files})
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
        sync_folder(parent)  # the names survive a power cut


def _unchanged(campaign: Campaign, written: _Written) -> DatasetVersion | None:
    """The newest version, where its tables are byte for byte what has just been written, by the same consensus."""
    newest = DatasetVersion.objects.filter(campaign=campaign).order_by("-version").first()
    if newest is None or newest.manifest.get("consensus", "") != written.consensus:
        return None

    def digests(listed: list[dict[str, Any]]) -> dict[str, str]:
        return {file["name"]: file["sha256"] for file in listed if file["name"] in TABLES}

    return newest if digests(newest.files) == digests(written.files) else None


def _result(version: DatasetVersion) -> dict[str, Any]:
    return {"message": in_all_languages(lambda: _in_words(version)), "dataset_version": version.pk}


def _in_words(version: DatasetVersion) -> str:
    """ "Version 2: 120 annotations of 60 items." """
    n = version.annotations
    if version.manifest.get("kind") == "comparisons":
        made = ngettext("%(n)s comparison", "%(n)s comparisons", n)
    else:
        made = ngettext("%(n)s annotation", "%(n)s annotations", n)
    return gettext("Version %(version)s: %(made)s of %(items)s.") % {
        "version": version.version,
        "made": made % {"n": f"{n:,}"},
        "items": items_text(version.items),
    }


def _nothing(campaign: Campaign) -> str:
    if campaign.kind == CampaignKind.COMPARING:
        text = gettext("No one has submitted a comparison in “%(name)s” yet, so there is nothing to export.")
    else:
        text = gettext("No one has submitted an annotation in “%(name)s” yet, so there is nothing to export.")
    return text % {"name": campaign.name}


def _root() -> Path:
    return Path(settings.ARTIFACT_ROOT) / "datasets"


def remove_abandoned_exports(*, own: Job | None = None) -> int:
    """Remove unfinished folders of exports that ended.

    Folders of earlier attempts of ``own`` are removed as well. Returns how many were removed.
    """
    removed = 0
    for path in _root().glob(".*"):
        job = abandoned_folders.job_of(path)
        if job is not None and not abandoned_folders.is_being_written(job, own):
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed
