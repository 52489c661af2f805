"""Agreement for programs: the model with the consensus, people with each other, by sub-dimension."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.accounts.roles import IsReviewer
from annotator.campaigns.models import Campaign
from annotator.core.api_queries import takes
from annotator.core.errors import ProblemError
from annotator.insights.agreement import choose
from annotator.insights.agreement.choice import ALL, HELD_OUT
from annotator.insights.agreement.figures import Refusal, latest_comparison
from annotator.library.models import Generator, MediaType
from annotator.rewards.models import RewardModel

RETRY_SECONDS = 3


class AgreementQuerySerializer(serializers.Serializer[Any]):
    media_type = serializers.ChoiceField(
        choices=MediaType.choices,
        required=False,
        help_text="Default: the media type of the model, or the first one with a model.",
    )
    model = serializers.PrimaryKeyRelatedField(
        queryset=RewardModel.objects.all(), required=False, help_text="Default: the promoted one."
    )
    campaign = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.all(), required=False, help_text="Default: all campaigns with the model's checklist."
    )
    generator = serializers.PrimaryKeyRelatedField(
        queryset=Generator.objects.all(), required=False, help_text="Default: all generators."
    )
    basis = serializers.ChoiceField(
        choices=[HELD_OUT, ALL],
        default=HELD_OUT,
        help_text="held-out: only items whose prompts the model was not trained on.",
    )


class ModelAgreementSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True)
    within_one = serializers.FloatField(allow_null=True)
    mae = serializers.FloatField(allow_null=True, help_text="In levels.")
    kappa = serializers.FloatField(allow_null=True, help_text="Quadratic-weighted.")


class FigureSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField()
    low = serializers.FloatField(help_text="Lower end of the 95 % interval over prompts.")
    high = serializers.FloatField()


class PeopleAgreementSerializer(serializers.Serializer[Any]):
    n_items = serializers.IntegerField(source="people.n_items", help_text="With two or more judgments.")
    n_pairs = serializers.IntegerField(source="people.n_pairs")
    alpha = serializers.FloatField(source="people.alpha", allow_null=True, help_text="Krippendorff's, ordinal.")
    exact = serializers.FloatField(source="people.exact", allow_null=True)
    within_one = serializers.FloatField(source="people.within_one", allow_null=True)
    kappa = serializers.FloatField(
        source="people_kappa", allow_null=True, help_text="Quadratic-weighted, over pairs of people."
    )


class QuestionAgreementSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    n = serializers.IntegerField(source="beside.n")
    verdict = serializers.CharField()
    figures = serializers.DictField(child=FigureSerializer(allow_null=True), source="beside.figures")


class SubDimensionAgreementSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="sub.id")
    name = serializers.CharField(source="sub.name")
    dimension = serializers.CharField()
    model = ModelAgreementSerializer()
    people = PeopleAgreementSerializer(source="*")
    verdict = serializers.CharField(help_text="nothing, too_few, chance, below, level or no_ceiling.")
    figures = serializers.DictField(
        child=FigureSerializer(allow_null=True),
        source="beside.figures",
        help_text="Each with its interval: accuracy, balanced_accuracy, kappa, f1, spearman, bias, ceiling (kappa "
        "between people), alpha and gap (ceiling minus kappa).",
    )
    questions = QuestionAgreementSerializer(many=True)
    behind = serializers.FloatField(allow_null=True, help_text="By how much the model's kappa is below people's.")


class AgreementSerializer(serializers.Serializer[Any]):
    """``basis``: what was compared; ``all`` if nothing was held out."""

    media_type = serializers.CharField()
    reward_model = serializers.IntegerField(allow_null=True)
    campaigns = serializers.ListField(child=serializers.IntegerField())
    basis = serializers.CharField()
    compared = serializers.IntegerField(help_text="Items.")
    judged = serializers.IntegerField(help_text="Items.")
    annotations = serializers.IntegerField()
    annotators = serializers.IntegerField()
    made_at = serializers.DateTimeField(help_text="When a worker worked this out.")
    is_latest = serializers.BooleanField(
        help_text="False while a worker looks whether anything has changed since: ask again in a moment."
    )
    notes = serializers.ListField(child=serializers.CharField())
    sub_dimensions = SubDimensionAgreementSerializer(many=True, help_text="The largest gap first.")


class AgreementLaterSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    retry_after_seconds = serializers.IntegerField()


class AgreementView(APIView):
    permission_classes = (IsReviewer,)

    @extend_schema(
        operation_id="agreement",
        parameters=[AgreementQuerySerializer],
        responses={200: AgreementSerializer, 202: AgreementLaterSerializer},
    )
    @takes(*AgreementQuerySerializer().fields)
    def get(self, request: Request) -> Response:
        """Agreement between the model and people, and among people.

        A worker works it out. Before the first time the answer is 202; ask again after the seconds it names.
        """
        sent = AgreementQuerySerializer(data=request.query_params)
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        query = {name: str(getattr(value, "pk", value)) for name, value in asked.items()}
        choice = choose(query)
        for name in ("model", "campaign", "generator"):
            found = getattr(choice, name)
            if name in asked and (found is None or found.pk != asked[name].pk):
                raise ProblemError(
                    _(
                        "The %(name)s %(id)s does not match the rest of the request: it has another media "
                        "type, no answers yet, or another checklist."
                    )
                    % {"name": name, "id": asked[name].pk},
                    code="does_not_fit",
                )
        if not choice.campaigns:
            raise ProblemError(_("No one has submitted an annotation to compare with yet."), code="no_annotations")
        report = latest_comparison(choice)
        found = report.value
        if isinstance(found, Refusal):
            raise ProblemError(found.message, code=found.code)
        if found is None:
            later = {"detail": _("A worker is working this out."), "retry_after_seconds": RETRY_SECONDS}
            return Response(later, status=status.HTTP_202_ACCEPTED, headers={"Retry-After": str(RETRY_SECONDS)})
        return Response(
            AgreementSerializer(
                {
                    "media_type": choice.media_type,
                    "reward_model": choice.model.pk if choice.model else None,
                    "campaigns": [campaign.pk for campaign in choice.asked],
                    "basis": found.basis,
                    "compared": found.compared,
                    "judged": found.judged,
                    "annotations": found.annotations,
                    "annotators": found.annotators,
                    "made_at": report.made_at,
                    "is_latest": not report.is_asked,
                    "notes": list(found.notes),
                    "sub_dimensions": found.rows,
                }
            ).data
        )
