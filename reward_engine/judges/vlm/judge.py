"""A vision-language model as a judge: P(yes) of every question, from one pass an item."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, JudgeError, RewardEngineError
from reward_engine.judges.base import Canceled, MediaInput, Predictions, Progress, of_type
from reward_engine.judges.vlm import adapter, batching, check, wording
from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.encoder import Encoder
from reward_engine.judges.vlm.families import Family, possible_ways
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.judges.vlm.loading import is_folder, load_model
from reward_engine.judges.vlm.options import VLMOptions, Way
from reward_engine.judges.vlm.passes import PASSES
from reward_engine.media import decode_ahead
from reward_engine.storage import sha256

KIND = "vlm"


@dataclass
class VLMJudge:
    """Make one with :meth:`load`.

    ``digest``: of the model's files and of the adapter. ``way``: how questions are answered, with ``way_reason``
    where a quicker one is not possible; ``checked``: whether it was compared with the plain loop, which happens on the
    first batch. ``offsets``: what an adapter adds to the log-odds of the checklist's questions. ``usage``: what the
    last call cost.
    """

    checklist: Checklist
    backbone: Backbone
    encoder: Encoder
    family: Family
    options: VLMOptions
    digest: str
    ways: tuple[Way, ...]
    way_reason: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    offsets: NDArray[np.float64] | None = None
    source: str = ""
    checked: bool = False
    usage: Usage = field(default_factory=lambda: Usage())

    name = KIND

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        checklist: Checklist | None = None,
        options: VLMOptions | None = None,
        base: str | Path | None = None,
        revision: str | None = None,
    ) -> VLMJudge:
        """Open a model or an adapter trained on one.

        A model is a local folder or a hub id, an adapter a folder with a manifest.

        A plain model needs ``checklist``; an adapter carries its own, and is refused where another is expected. An
        adapter answers with the wording it was trained with.

        Args:
            base: Where an adapter's model lies now, if it has moved.

        Raises:
            ArtifactError: A file is missing or not as it was written.
            JudgeError: The model cannot be asked.
        """
        options = options or VLMOptions()
        is_folder(source)  # said before anything is asked for: that there is no such folder
        trained = adapter.read(Path(source), checklist) if adapter.is_adapter(source) else None
        if trained is None and checklist is None:
            raise JudgeError(
                "A model that was not trained on a checklist needs one: pass checklist=…", code="checklist"
            )
        if trained is not None:
            source, revision = base or trained.base, trained.revision
            if options.wording not in ("auto", trained.wording):
                raise JudgeError(
                    f"{trained.name}: it was trained with the wording “{trained.wording}” and answers with no other, "
                    f"so not with “{options.wording}”.",
                    code="wording",
                )
        spoken = trained.wording if trained is not None else wording.chosen(options.wording)
        options = replace(options, wording=spoken)
        backbone, processor, family, digest = load_model(source, options, revision=revision)
        if trained is not None:
            if digest != trained.base_digest:
                raise ArtifactError(
                    f"{trained.name}: it was trained on another model than the one at {source}. "
                    "Name the folder of the original model with base=…",
                    code="base",
                )
            backbone = adapter.apply(backbone, trained, quantized=options.quantize is not None)
            digest = f"{digest} {trained.digest}"
        chosen = trained.checklist if trained is not None else checklist
        assert chosen is not None
        ways, reason = possible_ways(backbone.model.config, options)
        return cls(
            checklist=chosen,
            backbone=backbone,
            encoder=Encoder(processor, family, options, backbone.context),
            family=family,
            options=options,
            digest=digest,
            ways=ways,
            way_reason=reason,
            record={} if trained is None else trained.record,
            offsets=trained.offsets if trained is not None and trained.offsets.any() else None,
            source=str(source),
        )

    @property
    def revision(self) -> str | None:
        """The hub's commit that the model was taken from; None for a local folder."""
        return self.digest.split()[0].partition("@")[2] or None

    @property
    def way(self) -> Way:
        return self.ways[0]

    @property
    def version(self) -> str:
        """Digest of everything that decides answers. The way does not enter: all give the same numbers."""
        options = self.options
        said = (
            f"{self.checklist.content_hash} {self.digest} {wording.identity(options.wording)} {self.backbone.dtype} "
            f"{options.quantize} {options.sampler!r} {options.frame_max_side}"
        )
        return sha256(said.encode())[:16]

    def predict(
        self,
        items: Sequence[MediaInput],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """Answer every question for every item by P(yes).

        What cannot be judged becomes an error.
        """
        texts = [question.text for question in self.checklist.questions]
        found = self._ask_fitting(items, texts, batch_size=batch_size, progress=progress, canceled=canceled)
        if self.offsets is None:
            return found
        return replace(found, p_yes=adapter.shifted(found.p_yes, self.offsets).astype(np.float32))

    def alignment(self, items: Sequence[MediaInput], *, batch_size: int = 16) -> Predictions:
        """Compute P(the media shows its prompt), [n, 1].

        The published image reward takes it from a separate scorer.
        """
        return self._ask_fitting(items, [wording.ALIGNMENT[self.checklist.media_type]], batch_size=batch_size)

    def _ask_fitting(
        self,
        items: Sequence[MediaInput],
        questions: Sequence[str],
        *,
        batch_size: int,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """:meth:`ask` about the items of the checklist's own media type; the others are errors."""
        fitting, errors = of_type(items, self.checklist.media_type)
        heard = progress
        if progress is not None and errors:
            heard = lambda done, _: progress(done + len(errors), len(items))  # noqa: E731
        found = self.ask(fitting, questions, batch_size=batch_size, progress=heard, canceled=canceled)
        return replace(found, errors={**errors, **found.errors})

    def ask(
        self,
        items: Sequence[MediaInput],
        questions: Sequence[str],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """Ask any yes/no questions, and return P(yes) float32 [n, k].

        ``{prompt}`` in them stands for the item's prompt.
        """
        if batch_size < 1 or not questions:
            raise JudgeError("There must be at least one item a batch and one question.", code="arguments")
        self.usage = Usage()
        answers: dict[str, NDArray[np.float32]] = {}
        errors: dict[str, str] = {}
        limits = batching.Limits(batch_size, self.options.token_budget, self.options.token_budget)
        stopped, failed = False, None
        encoded = self._encoded(items, questions, errors)
        try:
            for batch in batching.batches(encoded, limits):
                if canceled is not None and canceled():
                    stopped = True
                    break
                for item, found in batching.halving(self._answer, batch, limits):
                    self._keep(item, found, answers, errors)
                    if isinstance(found, JudgeError) and found.code == batching.MODEL_FAILED:
                        failed = found
                if failed is not None and not answers:
                    raise failed  # a model that answers about nothing will not answer about the next batch either
                if progress is not None:
                    progress(len(answers) + len(errors), len(items))
        finally:
            encoded.close()
        if progress is not None and not stopped:
            progress(len(items), len(items))
        keys = tuple(item.key for item in items if item.key in answers)
        p_yes = np.stack([answers[key] for key in keys]) if keys else np.zeros((0, len(questions)), dtype=np.float32)
        return Predictions(keys, p_yes, errors, stopped)

    def _encoded(
        self, items: Iterable[MediaInput], questions: Sequence[str], errors: dict[str, str]
    ) -> Generator[Encoded, None, None]:
        decoded = decode_ahead(
            items,
            lambda item: self.encoder.encode(item, questions),
            workers=self.options.decode_threads,
            ahead=self.options.ahead,
        )
        for item, found in decoded:
            if isinstance(found, RewardEngineError):
                errors[item.key] = found.message
            elif isinstance(found, Exception):
                errors[item.key] = f"{item.path.name}: it could not be prepared for the model ({found})."
            else:
                yield found

    def _keep(
        self, item: Encoded, found: Tensor | JudgeError, answers: dict[str, NDArray[np.float32]], errors: dict[str, str]
    ) -> None:
        if isinstance(found, JudgeError):
            errors[item.key] = found.message
            return
        p_yes = torch.sigmoid(found.double()).float().cpu().numpy()
        if np.isfinite(p_yes).all():
            answers[item.key] = p_yes
        else:
            errors[item.key] = (
                "The model gave values that are no numbers for this item. Load it in bfloat16 or float32 "
                "instead of float16, or train it again."
            )

    @torch.inference_mode()
    def _answer(self, items: Sequence[Encoded], budget: int | None) -> Tensor:
        """Log-odds [b, k], by the quickest way that works; one that does not is not tried again.

        Raises:
            JudgeError: If the plain loop fails as well.
        """
        at, truth, problem = check.sample(items), None, ""
        for number, way in enumerate(self.ways):
            try:
                found = PASSES[way](self.backbone, items, budget=budget)
                if not self.checked and len(self.ways) > 1 and way != "loop":
                    truth = check.asked_one_by_one(self.backbone, items, at) if truth is None else truth
                    gap = check.difference(check.chosen(found, at), truth)
                    if not gap <= check.tolerance(self.backbone.dtype):
                        problem = f"its answers differ by {gap:.3f}"
                        continue
            except Exception as error:  # whatever the model raises, the next way is tried
                if batching.out_of_memory(error):
                    raise
                problem = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                continue
            if number:
                self.way_reason = f"{self.family.model_type} cannot answer {self.way} ({problem})"
                self.ways = self.ways[number:]
            self.checked = True
            self.usage.add(items, way)
            return found
        raise JudgeError(
            f"The model fails whichever way it is asked ({problem}). Its settings (config.json) may not fit its "
            "weights, or this version of transformers does not support it.",
            code=batching.MODEL_FAILED,
        )


@dataclass
class Usage:
    """What a call cost: items, and tokens the language model computed (without padding)."""

    items: int = 0
    tokens: int = 0

    def add(self, items: Sequence[Encoded], way: Way) -> None:
        self.items += len(items)
        for item in items:
            self.tokens += (
                item.tokens if way != "loop" else len(item.prefix) * len(item.questions) + item.question_tokens
            )
