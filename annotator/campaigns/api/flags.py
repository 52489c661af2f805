"""What annotators have reported about items, for those who settle it."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.roles import IsReviewer
from annotator.campaigns import services
from annotator.campaigns.models import Flag, FlagOutcome


class FlagSerializer(serializers.ModelSerializer[Flag]):
    assignment = serializers.UUIDField(source="assignment.token", read_only=True)

    class Meta:
        model = Flag
        fields = ("id", "assignment", "item", "reason", "sub_dimension", "note", "with_skip", "outcome", "answer",
                  "created_at", "settled_at")  # fmt: skip
        read_only_fields = fields


class OwnFlagSerializer(serializers.ModelSerializer[Flag]):
    """What the reporting annotator can see: nothing that identifies the item."""

    assignment = serializers.UUIDField(source="assignment.token", read_only=True)

    class Meta:
        model = Flag
        fields = ("id", "assignment", "reason", "sub_dimension", "note", "with_skip", "outcome", "created_at")
        read_only_fields = fields


class SettleSerializer(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=[FlagOutcome.UPHELD, FlagOutcome.DISMISSED])
    answer = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    take_item_out = serializers.BooleanField(
        required=False,
        default=False,
        help_text="If the report is valid: remove the item from the campaigns that reported it.",
    )


class SettledSerializer(serializers.Serializer[Any]):
    settled = serializers.IntegerField(
        help_text="This report and all open ones with the same reason for the same item."
    )


class FlagViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Flag]):
    """Reports, newest first."""

    queryset = Flag.objects.none()
    serializer_class = FlagSerializer
    permission_classes = (IsReviewer,)
    filterset_fields = ("reason", "outcome", "item")

    def get_queryset(self) -> QuerySet[Flag]:
        return Flag.objects.select_related("assignment").order_by("-pk")

    @extend_schema(request=SettleSerializer, responses=SettledSerializer)
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, pk: Any = None) -> Response:
        """Decide whether the report is valid. 409 if it is already resolved."""
        flag = self.get_object()
        sent = SettleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        n = services.settle_flag(flag=flag, by=request.user, **sent.validated_data)
        return Response(SettledSerializer({"settled": n}).data)
