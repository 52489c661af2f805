"""Versions side by side, as the API tells them."""

from typing import Any

from rest_framework import serializers

from annotator.rewards.models import RewardModel


class VersionFiguresSerializer(serializers.Serializer[Any]):
    """A version on its own held-out prompts; null for anything not measured."""

    id = serializers.IntegerField(source="model.pk")
    version = serializers.IntegerField(source="model.version")
    media_type = serializers.CharField(source="model.media_type")
    judge = serializers.CharField(source="model.judge")
    base = serializers.StringRelatedField[Any](source="model.base", allow_null=True)
    state = serializers.CharField(source="model.state")
    judgments = serializers.IntegerField(source="model.snapshot.judgments", allow_null=True, default=None)
    held_out_items = serializers.IntegerField(allow_null=True)
    held_out_prompts = serializers.IntegerField(allow_null=True)
    accuracy = serializers.FloatField(allow_null=True)
    baseline_accuracy = serializers.FloatField(allow_null=True)
    kappa = serializers.FloatField(allow_null=True)
    log_loss = serializers.FloatField(allow_null=True, help_text="Calibrated, in nats per answer.")
    spearman = serializers.FloatField(allow_null=True)
    preference_accuracy = serializers.FloatField(allow_null=True)
    seconds_per_item = serializers.FloatField(allow_null=True)
    memory_bytes = serializers.IntegerField(allow_null=True)
    device = serializers.CharField(allow_blank=True)


class VersionsSerializer(serializers.Serializer[Any]):
    models = serializers.PrimaryKeyRelatedField(
        queryset=RewardModel.objects.select_related("snapshot", "base"), many=True, allow_empty=False
    )


class VersionComparisonSerializer(serializers.Serializer[Any]):
    versions = VersionFiguresSerializer(many=True)
    common = serializers.DictField(
        allow_null=True,
        help_text="On the held-out items that the versions share: items, prompts, reference (the version "
        "that differences are relative to), versions (ID → figures with value, low, and high), "
        "rows (by sub-dimension), left_out (with reasons). Null until computed: request it with "
        "POST.",
    )
