"""The page on which a training is asked for."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.errors import ProblemError
from annotator.rewards import queries, services
from annotator.rewards.forms import TrainingForm


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def train(request: HttpRequest) -> HttpResponse:
    choices, compared = queries.training_choices(), queries.comparison_choices()
    if request.method == "POST":
        form = TrainingForm(request.POST, choices=choices, compared=compared)
    else:
        form = TrainingForm(choices=choices, compared=compared, initial={"campaigns": request.GET.getlist("campaign")})
    if request.method == "POST" and form.is_valid():
        try:
            services.request_training(requested_by=request.user, **form.cleaned_data)
        except ProblemError as problem:
            form.add_error(None, problem.message)
        else:
            messages.success(request, _("The training has been asked for. You can watch it here."))
            return redirect("rewards:models")
    context = {"form": form, "choices": choices, "compared": compared}
    return render(request, "rewards/train.html", context, status=422 if form.is_bound else 200)
