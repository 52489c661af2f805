"""Dataset versions: the list."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.datasets.models import DatasetVersion


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def dataset_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(DatasetVersion.objects.select_related("campaign"), 25).get_page(request.GET.get("page"))
    return render(request, "datasets/list.html", {"page": page})
