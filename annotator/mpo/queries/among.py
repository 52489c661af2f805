"""Which items are compared: all that are there, those of a set's prompts, or those made for a set."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from annotator.core.errors import ProblemError
from annotator.mpo.models import GeneratedItem, GenerationSet, PromptSet, PromptSetMember
from annotator.mpo.options import MiningOptions


@dataclass(frozen=True)
class Among:
    """The sets that the items belong to; none for all items."""

    prompt_set: PromptSet | None = None
    generation_set: GenerationSet | None = None

    @property
    def everything(self) -> bool:
        return self.prompt_set is None and self.generation_set is None

    def rows(self, item: str = "item_id", prompt: str = "item__prompt_id") -> Q:
        """The condition on rows that name an item by these columns."""
        condition = Q()
        if self.prompt_set is not None:
            members = PromptSetMember.objects.filter(prompt_set=self.prompt_set, prompt=OuterRef(prompt))
            condition &= Q(Exists(members))
        if self.generation_set is not None:
            made = GeneratedItem.objects.filter(generation_set=self.generation_set, item=OuterRef(item))
            condition &= Q(Exists(made))
        return condition

    def __str__(self) -> str:
        names = [str(one) for one in (self.prompt_set, self.generation_set) if one is not None]
        return " and ".join(f"“{name}”" for name in names)


def among(options: MiningOptions) -> Among:
    """Raises ProblemError (with ``field``) where a set is not there."""
    prompt_set = generation_set = None
    if options.prompt_set is not None:
        prompt_set = PromptSet.objects.filter(pk=options.prompt_set).first()
        if prompt_set is None:
            raise _gone("prompt_set", "prompt set", options.prompt_set)
    if options.generation_set is not None:
        generation_set = GenerationSet.objects.filter(pk=options.generation_set).first()
        if generation_set is None:
            raise _gone("generation_set", "generation set", options.generation_set)
    return Among(prompt_set, generation_set)


def among_if_there(options: MiningOptions) -> Among:
    """The same for a page about what has been mined, whose sets may have gone since."""
    try:
        return among(options)
    except ProblemError:
        return Among()


def _gone(field: str, what: str, pk: int) -> ProblemError:
    return ProblemError(f"There is no {what} {pk}; choose another, or all items.", code="no_set", field=field)
