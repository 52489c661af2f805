"""The API's description of itself: made once a process, by one request, and given to all others."""

from __future__ import annotations

import threading
from typing import Any

from django.http import HttpResponse
from django.utils.translation import get_language
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

# The generator changes what it shares with other runs of itself: two at once fail.
_making = threading.Lock()
_made: dict[tuple[str, str], bytes] = {}


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1. Making and writing it takes seconds of computing, and it changes only with the program."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        key = (renderer.media_type, str(get_language()))
        with _making:
            if key not in _made:
                made = super()._get_schema_response(request)
                _made[key] = renderer.render(made.data, renderer.media_type, {"request": request, "view": self})
        name = self._get_filename(request, None)
        return HttpResponse(
            _made[key],
            content_type=renderer.media_type,
            headers={"Content-Disposition": f'inline; filename="{name}"'},
        )

    def _get_version_parameter(self, request: Request) -> Any:
        return None
