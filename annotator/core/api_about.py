"""Which version answers, for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reward_engine import __version__


class AboutSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(help_text="Of the platform, such as 1.0.0; the same stands in every manifest.")


class AboutView(APIView):
    @extend_schema(responses=AboutSerializer)
    def get(self, request: Request) -> Response:
        """The version of the platform that answers."""
        return Response(AboutSerializer({"version": __version__}).data)
