"""Comparisons: an annotator's own turns at pairs, and campaigns of explicit pairs with what was said of them."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsAnnotator, IsReviewer
from annotator.campaigns import queries, services
from annotator.campaigns.action_serializers import PreferSerializer, SkipSerializer
from annotator.campaigns.api.campaigns import CampaignSerializer, NextSerializer
from annotator.campaigns.models import (
    Campaign,
    CampaignKind,
    ChecklistVersion,
    ComparisonPair,
    HumanComparison,
    Preference,
    SkipReason,
)
from annotator.core.errors import ProblemError
from annotator.library.models import Item

MOST_PAIRS = 10_000


class HumanComparisonSerializer(serializers.ModelSerializer[HumanComparison]):
    """What the annotator can see: neither the items' generators nor which is the pair's first."""

    id = serializers.UUIDField(source="token", read_only=True, help_text="Tells nothing about the pair.")
    campaign = serializers.IntegerField(source="pair.campaign_id", read_only=True)
    prompt = serializers.CharField(source="pair.first.prompt.text", read_only=True)
    left_url = serializers.SerializerMethodField()
    right_url = serializers.SerializerMethodField()
    preference = serializers.ChoiceField(choices=Preference.choices, allow_blank=True, read_only=True)
    asks_strength = serializers.BooleanField(source="pair.campaign.asks_strength", read_only=True)
    skip_reason = serializers.ChoiceField(choices=SkipReason.choices, allow_blank=True, read_only=True)

    class Meta:
        model = HumanComparison
        fields = ("id", "campaign", "prompt", "left_url", "right_url", "state", "preference",
                  "asks_strength", "much_better", "lease_expires_at", "submitted_at", "skip_reason")  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.URLField)
    def get_left_url(self, comparison: HumanComparison) -> str:
        return self._url(comparison, "left")

    @extend_schema_field(serializers.URLField)
    def get_right_url(self, comparison: HumanComparison) -> str:
        return self._url(comparison, "right")

    def _url(self, comparison: HumanComparison, side: str) -> str:
        url = reverse("campaigns:side", args=[comparison.token, side])
        request = self.context.get("request")
        return request.build_absolute_uri(url) if request else url


class HumanComparisonViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[HumanComparison]
):
    """Your own comparisons. Everyone else gets a 404, including reviewers."""

    queryset = HumanComparison.objects.none()
    serializer_class = HumanComparisonSerializer
    permission_classes = (IsAnnotator,)
    filterset_fields = {"state": ["exact"], "pair__campaign": ["exact"]}
    lookup_field, lookup_url_kwarg = "token", "id"

    def get_queryset(self) -> QuerySet[HumanComparison]:
        if not self.request.user.is_authenticated:
            return HumanComparison.objects.none()
        own = HumanComparison.objects.filter(annotator=self.request.user).order_by("-leased_at", "token")
        return own.select_related("pair__campaign", "pair__first__prompt", "pair__second")

    def _answer(self) -> Response:
        return Response(HumanComparisonSerializer(self.get_object(), context=self.get_serializer_context()).data)

    @extend_schema(request=PreferSerializer, responses=HumanComparisonSerializer)
    @action(detail=True, methods=["post"])
    def prefer(self, request: Request, id: Any = None) -> Response:
        """Say which item is better. You can change the answer until the campaign is closed."""
        comparison = self.get_object()
        sent = PreferSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        services.record_comparison(token=comparison.token, annotator=request.user, **sent.validated_data)
        return self._answer()

    @extend_schema(request=SkipSerializer, responses=HumanComparisonSerializer)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, id: Any = None) -> Response:
        """Skip the pair with a reason; another annotator gets it."""
        comparison = self.get_object()
        sent = SkipSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        services.skip_comparison(token=comparison.token, annotator=request.user, **sent.validated_data)
        return self._answer()

    @extend_schema(request=None, responses=HumanComparisonSerializer)
    @action(detail=True, methods=["post"], url_path="take-up")
    def take_up(self, request: Request, id: Any = None) -> Response:
        """Reopen a skipped or expired pair of your own while it still needs annotators."""
        comparison = self.get_object()
        services.take_up_pair_again(token=comparison.token, annotator=request.user)
        return self._answer()


class ComparisonCampaignCreateSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    pairs = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(min_value=1), min_length=2, max_length=2),
        min_length=1,
        max_length=MOST_PAIRS,
        help_text=(
            "IDs of items, two per pair, both with the same prompt. Which one appears on the left is "
            "drawn from the seed."
        ),
    )
    checklist_version = serializers.PrimaryKeyRelatedField(
        queryset=ChecklistVersion.objects.all(),
        required=False,
        help_text="Default: the newest one for this media type.",
    )
    overlap = serializers.IntegerField(min_value=1, max_value=100, default=3)
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)
    lease_seconds = serializers.IntegerField(min_value=30, max_value=7 * 24 * 3600, default=1800)
    asks_strength = serializers.BooleanField(
        default=False, help_text="Whether people also say that the preferred item is much better."
    )
    guidelines = serializers.CharField(required=False, default="", allow_blank=True, max_length=100_000)


class PairResultSerializer(serializers.ModelSerializer[ComparisonPair]):
    """The answers to a pair, counted in people."""

    prompt = serializers.CharField(source="first.prompt.text", read_only=True)
    for_first = serializers.IntegerField(read_only=True)
    for_second = serializers.IntegerField(read_only=True)
    ties = serializers.IntegerField(read_only=True)
    much_better = serializers.IntegerField(read_only=True, help_text="Of those for an item: how many say much better.")
    skipped = serializers.IntegerField(read_only=True)

    class Meta:
        model = ComparisonPair
        fields = (
            "id",
            "first",
            "second",
            "prompt",
            "needed",
            "submitted",
            "for_first",
            "for_second",
            "ties",
            "much_better",
            "skipped",
        )
        read_only_fields = fields


class ComparisonCampaignViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[Campaign]
):
    """Campaigns in which people compare pairs. Open, pause, and close them like any campaign."""

    queryset = Campaign.objects.none()
    serializer_class = CampaignSerializer
    filterset_fields = ("state", "media_type")

    def get_queryset(self) -> QuerySet[Campaign]:
        if not self.request.user.is_authenticated:
            return Campaign.objects.none()
        return queries.visible_campaigns(self.request.user).filter(kind=CampaignKind.COMPARING).order_by("-pk")

    def get_permissions(self) -> list[BasePermission]:
        needed: dict[str, type[BasePermission]] = {"create": IsAdmin, "next": IsAnnotator}
        return [needed.get(self.action, IsReviewer)()]

    @extend_schema(request=ComparisonCampaignCreateSerializer, responses={201: CampaignSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a campaign over these pairs as a draft."""
        sent = ComparisonCampaignCreateSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        wanted = values.pop("pairs")
        items = Item.objects.in_bulk({pk for pair in wanted for pk in pair})
        for first, second in wanted:
            for pk in (first, second):
                if pk not in items:
                    raise ProblemError(gettext("There is no item %(pk)s.") % {"pk": pk}, code="no_item")
        campaign = services.create_comparison_campaign(
            pairs=[(items[first], items[second]) for first, second in wanted], created_by=request.user, **values
        )
        body = CampaignSerializer(campaign, context=self.get_serializer_context()).data
        location = request.build_absolute_uri(reverse("api-comparison-campaign-detail", args=[campaign.pk]))
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(responses=PairResultSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=())
    def pairs(self, request: Request, pk: Any = None) -> Response:
        """The pairs and their answers."""
        page = self.paginate_queryset(queries.pair_results(self.get_object()))
        return self.get_paginated_response(PairResultSerializer(page, many=True).data)

    @extend_schema(
        request=NextSerializer,
        responses={
            200: HumanComparisonSerializer,
            204: OpenApiResponse(description="No pairs remain for this person."),
        },
    )
    @action(detail=True, methods=["post"])
    def next(self, request: Request, pk: Any = None) -> Response:
        """Lease the next pair. Repeated requests return the same one until it is answered or skipped."""
        sent = NextSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        leased = services.lease_next_pair(
            campaign=self.get_object(), annotator=request.user, after=sent.validated_data.get("after")
        )
        if leased is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        comparison = queries.my_comparison(request.user, leased.token)
        return Response(HumanComparisonSerializer(comparison, context=self.get_serializer_context()).data)
