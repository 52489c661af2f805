"""``manage.py evaluate``: how good the promoted models are on held-out prompts, by sub-dimension."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.library.models import MediaType
from annotator.rewards.evaluation import BASELINES, Evaluation, Row, evaluate
from annotator.rewards.models import RewardModel, RewardModelState
from annotator.rewards.queries import models

HEADER = ("sub-dimension", "n", "accuracy", "baseline", "log loss", "baseline", "Spearman’s ρ", "truth n", "accuracy",
          "baseline", "Spearman’s ρ")  # fmt: skip


ORDER_HEADER = ("order within a prompt", "pairs", "judge", "majority", *BASELINES)


class Command(BaseCommand):
    help = (
        "Print the quality of the promoted models on held-out prompts, by sub-dimension: accuracy next to the majority "
        "baseline, log loss in nats per question next to that of the overall shares of yes, and Spearman's rho of the "
        "expected level. Then how it orders the items of one prompt, next to one classical measure and ridge "
        "regression, and what it cannot do. If items have a known ground truth, also the comparison with it."
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
            which = f" for the media type {media_type}" if media_type else ""
            raise CommandError(
                f"There is no model {pk}{which}; see the page “Models”."
                if pk is not None
                else f"No model{which} is promoted yet. Train one on the page “Models”, or name one with --model."
            )
        return list(found)

    def _print(self, evaluation: Evaluation, markdown: bool) -> None:
        model = evaluation.model
        title = f"{model} ({model.get_state_display().lower()})"
        self.stdout.write(f"### {title}\n" if markdown else title)
        self.stdout.write(_data(evaluation) + ("\n" if markdown else ""))
        rows = [_cells(row) for row in evaluation.measured]
        has_truth = bool(evaluation.with_truth)
        header = HEADER if has_truth else HEADER[:7]
        rows = [row[: len(header)] for row in rows]
        for line in _markdown(header, rows) if markdown else _text(header, rows):
            self.stdout.write(line)
        if evaluation.in_order:
            self.stdout.write("")
            ordered = [_order_cells(row) for row in evaluation.in_order]
            for line in _markdown(ORDER_HEADER, ordered) if markdown else _text(ORDER_HEADER, ordered):
                self.stdout.write(line)
        if markdown:
            self.stdout.write("")
        for line in _summary(evaluation):
            self.stdout.write(line)


def _data(evaluation: Evaluation) -> str:
    data, validation = evaluation.model.manifest.get("data", {}), evaluation.validation
    folds = validation.get("folds") or 1
    how = f"each prompt held out once, in {folds} folds" if folds > 1 else "one part of the prompts held out"
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


def _order_cells(row: Row) -> tuple[str, ...]:
    """Pairs of one prompt that the judge, and each baseline, orders like people; a constant has 50 %."""
    order = row.order
    assert order is not None
    around = "" if order.low is None or order.high is None else f" [{order.low:.0%}, {order.high:.0%}]"
    others = (_share(share) for share in order.baselines)
    return (row.id, str(order.pairs), _share(order.ordered, order.is_best) + around, "50.0%", *others)


def _share(value: float | None, is_better: bool = False) -> str:
    return "–" if value is None else f"{value:.1%}{' +' if is_better else ''}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _summary(evaluation: Evaluation) -> list[str]:
    overall = evaluation.overall
    lines = [
        f"Overall: accuracy {_share(overall.get('accuracy'))}, baseline {_share(overall.get('baseline_accuracy'))}; "
        f"log loss {_number(overall.get('log_loss'))}, baseline {_number(overall.get('baseline_log_loss'))}; "
        f"better than the majority baseline (+) on {evaluation.better} of {len(evaluation.measured)} sub-dimensions."
    ]
    if evaluation.with_truth:
        lines.append(
            f"Against ground truth: better than the majority baseline on {evaluation.better_on_truth} of "
            f"{len(evaluation.with_truth)} sub-dimensions whose truth is known by construction."
        )
    lines += [
        f"Cannot be trusted: {row.id}{' (left out of the reward)' if row.left_out else ''}: {row.limit}"
        for row in evaluation.limited
    ]
    if evaluation.problem:
        lines.append(f"The ground truth could not be compared with: {evaluation.problem}")
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
