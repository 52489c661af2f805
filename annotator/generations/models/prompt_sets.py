"""Named lists of prompts: what generators are asked for."""

from django.conf import settings
from django.db import models

from annotator.core.models import TimeStamped
from annotator.library.models import Prompt


class PromptSet(TimeStamped):
    """Prompts in an order. Its prompts never change: whatever was made for a set stays comparable."""

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    prompts = models.ManyToManyField(Prompt, through="PromptSetMember", related_name="prompt_sets")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class PromptSetMember(models.Model):
    """A prompt at its place in a set, the first being 0."""

    # Both constraints begin with the set, so it needs no index of its own.
    prompt_set = models.ForeignKey(PromptSet, on_delete=models.CASCADE, related_name="members", db_index=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT)
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["prompt_set", "prompt"], name="prompt_set_member_once"),
            models.UniqueConstraint(fields=["prompt_set", "position"], name="prompt_set_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.prompt}"
