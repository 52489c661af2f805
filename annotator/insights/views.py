"""Where model and humans agree."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.rewards.models import RewardModel


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def agreement(request: HttpRequest) -> HttpResponse:
    return render(request, "insights/agreement.html", {"models": RewardModel.objects.all()})
