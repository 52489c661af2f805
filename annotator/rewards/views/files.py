"""Files of a version, one by one or all as a ZIP."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.downloads import content_type, zipped
from annotator.rewards.judges.vlm.artifact import downloads
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.judges.artifact import MANIFEST


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def model_file(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """One file, or ``all.zip``. Only files of the version are ever opened."""
    model = get_object_or_404(RewardModel, pk=pk)
    folder = artifacts.root() / model.path
    names = [*downloads(folder), *([MANIFEST] if (folder / MANIFEST).is_file() else [])]
    stem = f"{model.media_type}-reward-v{model.version}"
    if name == "all.zip" and names:
        return StreamingHttpResponse(
            zipped(stem, {one: folder / one for one in names}),
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{stem}.zip"'},
        )
    if name not in names:
        raise Http404(_("This version has no such file."))
    path = folder / name
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"{stem}-{path.name}", content_type=content_type(path)
    )
