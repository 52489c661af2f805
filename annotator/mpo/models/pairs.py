"""Preference pairs by dominance."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotator.core.models import TimeStamped
from annotator.jobs.models import Job
from annotator.library.models import Item, Prompt
from annotator.rewards.models import RewardModel


class PairSet(TimeStamped):
    """The pairs mined from one version's scores with one set of options."""

    name = models.CharField(max_length=200)
    reward_model = models.ForeignKey(RewardModel, on_delete=models.PROTECT, related_name="pair_sets")
    options = models.JSONField(default=dict)
    items = models.PositiveIntegerField(default=0, help_text="Items compared.")
    prompts = models.PositiveIntegerField(default=0, help_text="Prompts with two or more scored items.")
    prompts_without_pairs = models.PositiveIntegerField(default=0)
    pairs_count = models.PositiveIntegerField(default=0, help_text="Pairs mined, including vetoed ones.")
    summary = models.JSONField(
        default=dict, blank=True, help_text="Of all mined pairs: mean gap and share of wins by dimension, reward gaps."
    )
    # Pairs are written in many small transactions; until the last one nobody sees the set.
    ready_at = models.DateTimeField(null=True, blank=True, editable=False)
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="pair_set")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class PreferencePair(models.Model):
    """Winner and loser of one prompt; the winner is at least as good in every dimension.

    A pair that a person has looked at and does not believe is vetoed: it stays, but is not downloaded or trained on.
    """

    # Its own index is the unique constraint below, which begins with it.
    pair_set = models.ForeignKey(PairSet, on_delete=models.CASCADE, related_name="pairs", db_index=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE)
    winner = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="won_pairs")
    loser = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="lost_pairs")
    winner_reward = models.FloatField(help_text="The loser's reward is this minus the gap.")
    reward_gap = models.FloatField()
    gap_by_dimension = ArrayField(models.FloatField())
    vetoed_at = models.DateTimeField(null=True, blank=True)
    vetoed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pair_set", "winner", "loser"], name="preference_pair_once"),
        ]
        indexes = [
            # The gallery, in both directions.
            models.Index(fields=["pair_set", "reward_gap", "id"], name="preference_pair_by_gap"),
            models.Index(
                fields=["pair_set", "id"], name="preference_pair_vetoed", condition=Q(vetoed_at__isnull=False)
            ),
        ]

    @property
    def loser_reward(self) -> float:
        return float(self.winner_reward - self.reward_gap)
