"""``manage.py evaluate``: how good the promoted models are on held-out prompts, by sub-dimension."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.library.models import MediaType
from annotator.rewards.evaluation import Evaluation, Row, evaluate
from annotator.rewards.models import RewardModel, RewardModelState
from annotator.rewards.queries import models

HEADER = ("sub-dimension", "n", "accuracy", "baseline", "log loss", "baseline", "Spearman’s ρ", "truth n", "accuracy",
          "baseline", "Spearman’s ρ")  # fmt: skip


class Command(BaseCommand):
    help = (
        "Print how good the promoted models are on held-out prompts, by sub-dimension: accuracy beside that of always "
        "saying the most frequent level, log loss in nats a question beside that of the shares of yes, and "
        "Spearman's rank correlation of the expected level. Where items tell their known truth, the same against it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--media-type", choices=MediaType.values, help="only the models of this media type")
        parser.add_argument("--model", type=int, metavar="ID", help="this model, promoted or not")
        parser.add_argument("--markdown", action="store_true", help="as tables in Markdown")

    def handle(self, *args: Any, **options: Any) -> None:
        for number, model in enumerate(self._models(options["model"], options["media_type"])):
            if number:
                self.stdout.write("")
            self._print(evaluate(model), options["markdown"])

    def _models(self, pk: int | None, media_type: str | None) -> list[RewardModel]:
        found = models().order_by("media_type", "-version")
        found = found.filter(pk=pk) if pk is not None else found.filter(state=RewardModelState.PROMOTED)
        if media_type:
            found = found.filter(media_type=media_type)
        if not found:
            raise CommandError(
                f"There is no model {pk}{f' for {media_type}s' if media_type else ''}; see the page “Models”."
                if pk is not None
                else f"No model{f' for {media_type}s' if media_type else ''} is promoted yet. Train one on the page "
                "“Models”, or name one with --model."
            )
        return list(found)

    def _print(self, evaluation: Evaluation, markdown: bool) -> None:
        model = evaluation.model
        title = f"{model} ({model.get_state_display().lower()})"
        self.stdout.write(f"### {title}\n" if markdown else title)
        self.stdout.write(_data(evaluation) + ("\n" if markdown else ""))
        rows = [_cells(row) for row in evaluation.measured]
        told = bool(evaluation.with_truth)
        header = HEADER if told else HEADER[:7]
        rows = [row[: len(header)] for row in rows]
        for line in _markdown(header, rows) if markdown else _text(header, rows):
            self.stdout.write(line)
        if markdown:
            self.stdout.write("")
        for line in _summary(evaluation):
            self.stdout.write(line)


def _data(evaluation: Evaluation) -> str:
    data, validation = evaluation.model.manifest.get("data", {}), evaluation.validation
    folds = validation.get("folds") or 1
    how = f"every prompt held out once, in {folds} rounds" if folds > 1 else "one part of the prompts held out"
    return (
        f"Trained on {data.get('items')} items of {data.get('prompts')} prompts, {data.get('judgments')} judgments; "
        f"measured on {validation.get('items')} items of {validation.get('prompts')} prompts: {how}."
    )


def _cells(row: Row) -> tuple[str, ...]:
    cells = [
        row.id,
        str(row.n),
        _share(row.accuracy, row.is_better),
        _share(row.baseline_accuracy),
        _number(row.log_loss),
        _number(row.baseline_log_loss),
        _number(row.correlation),
    ]
    if row.truth is None:
        return (*cells, "", "", "", "")
    truth = row.truth
    return (*cells, str(truth.n), _share(truth.accuracy, truth.is_better), _share(truth.baseline),
            _number(truth.correlation))  # fmt: skip


def _share(value: float | None, is_better: bool = False) -> str:
    return "–" if value is None else f"{value:.1%}{' +' if is_better else ''}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _summary(evaluation: Evaluation) -> list[str]:
    overall = evaluation.overall
    lines = [
        f"Overall: accuracy {_share(overall.get('accuracy'))}, baseline {_share(overall.get('baseline_accuracy'))}; "
        f"log loss {_number(overall.get('log_loss'))}, baseline {_number(overall.get('baseline_log_loss'))}; "
        f"better than the majority class (+) on {evaluation.better} of {len(evaluation.measured)} sub-dimensions."
    ]
    if evaluation.with_truth:
        lines.append(
            f"Against known truth: better than the majority class on {evaluation.better_on_truth} of "
            f"{len(evaluation.with_truth)} sub-dimensions whose truth is known by construction."
        )
    if evaluation.problem:
        lines.append(f"The known truth could not be compared with: {evaluation.problem}")
    return lines


def _markdown(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)]


def _text(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = []
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "─" * max(map(len, lines)), *lines[1:]]
