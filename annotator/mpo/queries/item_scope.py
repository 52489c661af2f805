"""Which items are compared: all that are there, those of a set's prompts, or those made for a set."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.generations.models import GeneratedItem, GenerationSet, PromptSet, PromptSetMember
from annotator.mpo.options import MiningOptions


@dataclass(frozen=True)
class ItemScope:
    """The sets that the items belong to; none for all items."""

    prompt_set: PromptSet | None = None
    generation_set: GenerationSet | None = None

    @property
    def everything(self) -> bool:
        return self.prompt_set is None and self.generation_set is None

    def rows(self, item: str = "item_id", prompt: str = "item__prompt_id") -> Q:
        """Make the condition on rows that name an item by these columns."""
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


def scope_of(options: MiningOptions) -> ItemScope:
    """Find which items the options are about.

    Raises:
        ProblemError: If a set is not there (with ``field``).
    """
    prompt_set = generation_set = None
    if options.prompt_set is not None:
        prompt_set = PromptSet.objects.filter(pk=options.prompt_set).first()
        if prompt_set is None:
            raise _gone("prompt_set", gettext("prompt set"), options.prompt_set)
    if options.generation_set is not None:
        generation_set = GenerationSet.objects.filter(pk=options.generation_set).first()
        if generation_set is None:
            raise _gone("generation_set", gettext("generation set"), options.generation_set)
    return ItemScope(prompt_set, generation_set)


def scope_if_there(options: MiningOptions) -> ItemScope:
    """Find the scope of what has been mined, if it still exists.

    It is for a page, since the sets may have been deleted.
    """
    try:
        return scope_of(options)
    except ProblemError:
        return ItemScope()


def _gone(field: str, what: str, pk: int) -> ProblemError:
    return ProblemError(
        gettext("There is no %(what)s %(pk)s. Choose another one, or all items.") % {"what": what, "pk": pk},
        code="no_set",
        field=field,
    )
