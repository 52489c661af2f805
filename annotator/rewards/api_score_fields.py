"""What a request for scores may say, and how it is answered: the fields, for the API and its description."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer
from rest_framework import serializers

from annotator.jobs.api import JobSerializer
from annotator.library.models import MediaType

MOST = 64  # of one request
LONGEST_PROMPT = 10_000


class _Keep(serializers.Serializer[Any]):
    keep = serializers.BooleanField(
        default=False,
        help_text="Store files in the library, and keep their scores and those of items (admins). Otherwise "
        "nothing is kept.",
    )


class ItemInputSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="ID of an item in the library.")
    prompt = serializers.CharField(
        required=False, max_length=LONGEST_PROMPT, help_text="Judge it by this prompt instead of its own."
    )


class ScoreItemsSerializer(_Keep):
    """One ``item``, or up to 64 ``items``."""

    item = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="ID of an item in the library."
    )
    prompt = serializers.CharField(
        required=False, max_length=LONGEST_PROMPT, help_text="Judge the item by this prompt instead of its own."
    )
    items = ItemInputSerializer(many=True, required=False, allow_empty=False, help_text=f"At most {MOST}.")


class ScoreFilesSerializer(_Keep):
    """One ``file`` with its ``prompt``, or up to 64 ``files`` with their ``prompts``."""

    file = serializers.FileField(required=False, help_text="An image or a video.")
    prompt = serializers.CharField(
        required=False,
        max_length=LONGEST_PROMPT,
        help_text="The prompt it was generated from; with files: the same one for all.",
    )
    media_type = serializers.ChoiceField(
        choices=MediaType.choices, required=False, help_text="Reject anything else. Default: determined by the content."
    )
    files = serializers.ListField(
        child=serializers.FileField(), required=False, allow_empty=False, max_length=MOST, help_text="Repeated."
    )
    prompts = serializers.ListField(
        child=serializers.CharField(max_length=MOST * LONGEST_PROMPT),
        required=False,
        allow_empty=False,
        max_length=MOST,
        help_text="Repeated, one per file in the same order; or once, as a JSON list.",
    )
    generator = serializers.CharField(
        required=False, max_length=200, help_text="The generator of the files that are kept; default: “API”."
    )


class AnswerQuestionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField()
    p_yes = serializers.FloatField(help_text="Probability of a yes where the question applies.")
    applies = serializers.FloatField(help_text="Probability that it applies.")
    contribution = serializers.FloatField(help_text="What it adds to the reward.")


class AnswerErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    title = serializers.CharField()


class ScoreAnswerSerializer(serializers.Serializer[Any]):
    """The promoted version's score; or ``error`` for an item of a batch that cannot be scored."""

    item = serializers.IntegerField(allow_null=True, help_text="Null for a file that is not kept.")
    file = serializers.CharField(allow_blank=True, help_text="As it was sent.")
    media_type = serializers.CharField()
    prompt = serializers.CharField(allow_blank=True)
    error = AnswerErrorSerializer(allow_null=True)
    reward = serializers.FloatField(required=False, help_text="intercept + the sum of by_dimension")
    best = serializers.FloatField(required=False, help_text="The maximum reward.")
    intercept = serializers.FloatField(required=False)
    by_dimension = serializers.DictField(child=serializers.FloatField(), required=False)
    questions = AnswerQuestionSerializer(many=True, required=False)
    explanation = serializers.CharField(required=False, help_text="Where reward was lost, in sentences.")
    version = serializers.IntegerField(required=False)
    reward_model = serializers.IntegerField(required=False, help_text="ID of that version.")


class ScoreAnswersSerializer(serializers.Serializer[Any]):
    results = ScoreAnswerSerializer(many=True, help_text="In the order of the request.")


class ScoreLaterSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.URLField(help_text="Poll this until the answer is 200.")
    job = JobSerializer()


EXAMPLE = {
    "item": None,
    "file": "kite.png",
    "media_type": "image",
    "prompt": "A red kite over the sea",
    "error": None,
    "reward": 0.62,
    "best": 0.9,
    "intercept": 0.0,
    "by_dimension": {"alignment": 0.3, "fidelity": 0.32},
    "questions": [
        {"id": "clarity_1", "text": "Is the image clear?", "p_yes": 0.94, "applies": 1.0, "contribution": 0.1}
    ],
    "explanation": "Reward 0.62 of at most 0.90. Most was lost to lighting.",
    "version": 3,
    "reward_model": 7,
}
ONE = OpenApiExample("One file", value=EXAMPLE, response_only=True, status_codes=["200"])
MANY = OpenApiExample(
    "A batch", value={"results": [EXAMPLE, {**{key: EXAMPLE[key] for key in ("item", "media_type", "prompt")},
                                            "file": "broken.png",
                                            "error": {"code": "truncated", "title": "broken.png is cut off."}}]},
    response_only=True, status_codes=["200"],
)  # fmt: skip
ANSWERED = PolymorphicProxySerializer(
    component_name="ScoreAnswered",
    serializers=[ScoreAnswerSerializer, ScoreAnswersSerializer],
    resource_type_field_name=None,
)
