"""The worker's side of a score request: verify, judge, put into words; keep only what is asked to be kept."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.utils.translation import gettext, gettext_noop

from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages
from annotator.jobs.services import JobRun
from annotator.library.media_facts import MediaFacts
from annotator.library.models import Item, Prompt
from annotator.library.services import record_generator, record_item, record_prompt
from annotator.library.services.records import store_media
from annotator.library.storage import shown_path
from annotator.library.verify import verify_media
from annotator.rewards.models import RewardModel, Score, ScoreRequest
from annotator.rewards.queries.answers import answer_of
from annotator.rewards.services.kept_judges import kept_judge
from annotator.rewards.services.score_requests import folder_of, promoted_model, remove_files
from annotator.rewards.services.scoring import scores_from
from reward_engine.errors import RewardEngineError
from reward_engine.features.cache import nothing_kept
from reward_engine.judges.base import MediaInput

GENERATOR = "API"


def answer_scores(run: JobRun) -> dict[str, Any]:
    """Answer a request within its job.

    An input that cannot be scored gets its problem as an answer, and the others are scored.
    """
    request = ScoreRequest.objects.filter(job=run.job).first()
    if request is None:
        raise ProblemError(gettext("This request was canceled."), code="no_request")
    answering = _ScoreRequestJob(run, request)
    for media_type in dict.fromkeys(one["media_type"] for one in request.inputs):
        answering.judge(media_type)
    with run.commit():
        answering.save()
    remove_files(request.pk)
    n = len(request.inputs)
    return {"message": in_all_languages(lambda: gettext("%(n)s answered.") % {"n": n})}


class _ScoreRequestJob:
    def __init__(self, run: JobRun, request: ScoreRequest) -> None:
        self.run, self.request = run, request
        self.answers: list[dict[str, Any]] = [{} for _one in request.inputs]
        self.facts: dict[int, MediaFacts] = {}
        self.scores: dict[int, Score] = {}
        run.stage(gettext_noop("Scoring"), len(request.inputs))

    def judge(self, media_type: str) -> None:
        """Score the inputs of one media type."""
        model = promoted_model(media_type)
        numbers = [number for number, one in enumerate(self.request.inputs) if one["media_type"] == media_type]
        inputs = [found for number in numbers if (found := self._input(number)) is not None]
        if not inputs:
            return
        with ExitStack() as stack:
            if not self.request.keep:
                stack.enter_context(nothing_kept())
            try:
                predictions = kept_judge(model).predict(inputs, canceled=self.run.canceled)
            except RewardEngineError as error:
                raise ProblemError(error.message, code=error.code) from error
        self.run.check()
        for key, score in zip(predictions.keys, scores_from(model, predictions.p_yes), strict=True):
            self._answer(int(key), model, score)
        for found in inputs:
            number = int(found.key)
            if not self.answers[number]:
                message = predictions.errors.get(found.key, "The judge returned no answer for it.")
                self._refuse(number, "unreadable", message.replace(found.path.name, self._name(number)))

    def _input(self, number: int) -> MediaInput | None:
        """As the engine takes it; None where it cannot be used, which is its answer then."""
        one = self.request.inputs[number]
        try:
            if one["item"] is None:
                path = folder_of(self.request.pk) / one["file"]
                if not path.is_file():
                    raise ProblemError(
                        gettext("%(one)s no longer exists. Send it again.") % {"one": one["name"]}, code="gone"
                    )
                check = store_media if self.request.keep else verify_media
                self.facts[number] = check(path, self._verified_name(one), media_type=one["media_type"])
            else:
                item = Item.objects.filter(pk=one["item"]).first()
                if item is None:
                    raise ProblemError(gettext("This item has been deleted."), code="gone")
                path = shown_path(item)
        except ProblemError as problem:
            self._refuse(number, problem.code, problem.message)
            return None
        return MediaInput(str(number), one["media_type"], path, one["prompt"])

    @staticmethod
    def _verified_name(one: dict[str, Any]) -> str:
        """As it was sent; its extension was checked when it was."""
        return str(one["name"]) if Path(one["name"]).suffix else str(one["file"])

    def _name(self, number: int) -> str:
        return str(self.request.inputs[number]["name"])

    def _answer(self, number: int, model: RewardModel, score: Score) -> None:
        one = self.request.inputs[number]
        score.item = Item(pk=one["item"], media_type=one["media_type"], prompt=Prompt(text=one["prompt"]))
        self.scores[number] = score
        self.answers[number] = answer_of(score, file=self._name(number) if one["item"] is None else "")

    def _refuse(self, number: int, code: str, message: str) -> None:
        one = self.request.inputs[number]
        self.answers[number] = {
            "item": one["item"],
            "file": one["name"] if one["item"] is None else "",
            "media_type": one["media_type"],
            "prompt": one["prompt"],
            "error": {"code": code, "title": message},
        }

    def save(self) -> None:
        """Write the answers, and what is to be kept, within the run's transaction."""
        if self.request.keep:
            for number, score in self.scores.items():
                self._keep(number, score)
        self.request.results = self.answers
        self.request.save(update_fields=["results"])

    def _keep(self, number: int, score: Score) -> None:
        one = self.request.inputs[number]
        if one["item"] is None:
            item, _new = record_item(
                facts=self.facts[number],
                prompt=record_prompt(one["prompt"]),
                generator=record_generator(self.request.generator or GENERATOR),
                file_name=one["name"],
                source="score request",
            )
            self.answers[number]["item"] = item.pk
        else:
            item = Item.objects.get(pk=one["item"])
        score.item = item
        Score.objects.bulk_create([score], ignore_conflicts=True)
