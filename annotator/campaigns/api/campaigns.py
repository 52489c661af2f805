"""Campaigns: made and steered by admins, seen by those who may, and the next item for an annotator."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsAdmin, IsAnnotator, IsReviewer
from annotator.campaigns import queries, services
from annotator.campaigns.api.assignments import AssignmentSerializer
from annotator.campaigns.forms import fitting_items
from annotator.campaigns.models import Campaign, CampaignState, ChecklistVersion, QueueOrder
from annotator.library.models import Generator, ImportBatch, Item


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    checklist = serializers.StringRelatedField(source="checklist_version", read_only=True)

    class Meta:
        model = Campaign
        fields = ("id", "name", "media_type", "state", "checklist_version", "checklist", "overlap", "lease_seconds",
                  "guidelines", "queue_order", "suggestions_percent", "is_demo", "created_at")  # fmt: skip
        read_only_fields = fields


class ItemFilterSerializer(serializers.Serializer[Any]):
    """Which items: these, or all of the checklist's media type that match the given filters."""

    items = serializers.PrimaryKeyRelatedField(
        queryset=Item.objects.all(), many=True, required=False, help_text="IDs of items; the filters are then ignored."
    )
    batch = serializers.PrimaryKeyRelatedField(queryset=ImportBatch.objects.all(), required=False)
    generator = serializers.PrimaryKeyRelatedField(queryset=Generator.objects.all(), required=False)
    prompt = serializers.CharField(required=False, max_length=200, help_text="Part of the prompt's text.")

    def chosen(self, media_type: str) -> list[Item] | QuerySet[Item]:
        values = self.validated_data
        if "items" in values:
            return list(values["items"])
        return fitting_items(
            media_type=media_type,
            batch=values.get("batch"),
            generator=values.get("generator"),
            prompt=values.get("prompt", ""),
        )


class CampaignCreateSerializer(ItemFilterSerializer):
    name = serializers.CharField(max_length=200)
    checklist_version = serializers.PrimaryKeyRelatedField(queryset=ChecklistVersion.objects.all())
    overlap = serializers.IntegerField(min_value=1, max_value=100, default=3)
    lease_seconds = serializers.IntegerField(min_value=30, max_value=7 * 24 * 3600, default=1800)
    guidelines = serializers.CharField(required=False, default="", allow_blank=True, max_length=100_000)
    queue_order = serializers.ChoiceField(choices=QueueOrder.choices, default=QueueOrder.PRIORITY)


SETTINGS = ("name", "checklist_version", "overlap", "lease_seconds", "guidelines", "queue_order")


class StateSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=CampaignState.choices)


class AddedSerializer(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="Items that were not in the campaign before.")


class TakeOutSerializer(serializers.Serializer[Any]):
    items = serializers.ListField(child=serializers.IntegerField(min_value=1), min_length=1, help_text="IDs of items.")
    back = serializers.BooleanField(required=False, default=False, help_text="Restore the items instead.")


class TakenOutSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Items whose state changed.")


class ProgressSerializer(serializers.Serializer[Any]):
    items = serializers.IntegerField(source="items_count")
    complete = serializers.IntegerField(source="complete_count")
    needed = serializers.IntegerField(source="needed_count", help_text="Annotations.")
    submitted = serializers.IntegerField(source="submitted_count", help_text="Annotations.")


class NextSerializer(serializers.Serializer[Any]):
    after = serializers.UUIDField(
        required=False, help_text="ID of the current assignment; the one after it is then leased as well."
    )


class CampaignViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[Campaign]
):
    """Annotators see open campaigns and those they have worked in; reviewers and admins see all."""

    queryset = Campaign.objects.none()
    serializer_class = CampaignSerializer
    filterset_fields = ("state", "media_type")

    def get_queryset(self) -> QuerySet[Campaign]:
        if not self.request.user.is_authenticated:
            return Campaign.objects.none()
        return queries.visible_campaigns(self.request.user).order_by("-pk")

    def get_permissions(self) -> list[BasePermission]:
        needed: dict[str, type[BasePermission]] = {
            "create": IsAdmin, "state": IsAdmin, "items": IsAdmin, "progress": IsReviewer, "next": IsAnnotator,
            "take_out": IsReviewer,
        }  # fmt: skip
        return [needed.get(self.action, IsAuthenticated)()]

    @extend_schema(request=CampaignCreateSerializer, responses={201: CampaignSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a campaign as a draft."""
        sent = CampaignCreateSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = sent.validated_data
        items = sent.chosen(values["checklist_version"].media_type)
        campaign = services.create_campaign(
            items=items,
            created_by=request.user,
            **{key: values[key] for key in SETTINGS},
        )
        location = request.build_absolute_uri(reverse("api-campaign-detail", args=[campaign.pk]))
        body = CampaignSerializer(campaign, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(request=StateSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"])
    def state(self, request: Request, pk: Any = None) -> Response:
        """Open, pause, or close the campaign."""
        sent = StateSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        campaign = services.set_state(campaign=self.get_object(), state=sent.validated_data["state"])
        return Response(CampaignSerializer(campaign, context=self.get_serializer_context()).data)

    @extend_schema(request=ItemFilterSerializer, responses=AddedSerializer)
    @action(detail=True, methods=["post"])
    def items(self, request: Request, pk: Any = None) -> Response:
        """Add items; items already in the campaign do not change."""
        sent = ItemFilterSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        campaign = self.get_object()
        added = services.add_items(campaign=campaign, items=sent.chosen(campaign.media_type))
        return Response(AddedSerializer({"added": added}).data)

    @extend_schema(request=TakeOutSerializer, responses=TakenOutSerializer)
    @action(detail=True, methods=["post"], url_path="take-out")
    def take_out(self, request: Request, pk: Any = None) -> Response:
        """Remove items, so that they are no longer assigned and their answers do not count, or restore them."""
        sent = TakeOutSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        change = services.put_back if sent.validated_data["back"] else services.take_out
        changed = change(campaign=self.get_object(), items=sent.validated_data["items"])
        return Response(TakenOutSerializer({"changed": changed}).data)

    @extend_schema(responses=ProgressSerializer)
    @action(detail=True, methods=["get"], pagination_class=None)
    def progress(self, request: Request, pk: Any = None) -> Response:
        return Response(ProgressSerializer(queries.campaign_progress(self.get_object())).data)

    @extend_schema(
        request=NextSerializer,
        responses={200: AssignmentSerializer, 204: OpenApiResponse(description="No items remain for this person.")},
    )
    @action(detail=True, methods=["post"])
    def next(self, request: Request, pk: Any = None) -> Response:
        """Lease the next item. Repeated requests return the same one until it is submitted or skipped."""
        sent = NextSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        leased = services.lease_next_item(
            campaign=self.get_object(), annotator=request.user, after=sent.validated_data.get("after")
        )
        if leased is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        assignment = queries.my_assignment(request.user, leased.token)
        return Response(AssignmentSerializer(assignment, context=self.get_serializer_context()).data)
