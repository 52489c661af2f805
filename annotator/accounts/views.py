"""Appearance, API tokens, and for admins: people and invitations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotator.accounts import audit, queries, services
from annotator.accounts.forms import InvitationForm, TokenForm
from annotator.accounts.models import ApiToken, AuditEvent, Invitation, Role, User
from annotator.accounts.presence import last_acts
from annotator.accounts.reauthentication import asks_again
from annotator.accounts.requests import SignedInRequest
from annotator.accounts.roles import role_required
from annotator.core.context import THEMES
from annotator.core.errors import ProblemError

if TYPE_CHECKING:
    from annotator.accounts.annotated import ListedEvent, ListedPerson


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    response = HttpResponseRedirect(target)  # ``redirect`` would take a word for the name of a view
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie("theme", theme, max_age=365 * 24 * 3600, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme")
    return response


@login_required
@asks_again
def tokens(request: SignedInRequest) -> HttpResponse:
    form = TokenForm(request.POST or None)
    token = None
    if request.method == "POST" and form.is_valid():
        try:
            _row, token = services.issue_token(user=request.user, **form.cleaned_data)
            form = TokenForm()
        except ProblemError as problem:
            form.add_error(None, problem.message)
    rows = ApiToken.objects.filter(user=request.user).order_by("-created_at")
    return render(
        request, "accounts/tokens.html", {"form": form, "tokens": rows, "token": token, "now": timezone.now()}
    )


@login_required
@require_POST
@asks_again
def revoke_token(request: SignedInRequest, pk: int) -> HttpResponseBase:
    services.revoke_token(token=get_object_or_404(ApiToken, pk=pk, user=request.user), by=request.user)
    messages.success(request, _("Token revoked. Programs that use it can no longer sign in."))
    return redirect("accounts:tokens")


@role_required(Role.ADMIN)
def people(request: SignedInRequest) -> HttpResponseBase:
    found = User.objects.prefetch_related("groups").order_by("username")
    search = request.GET.get("q", "").strip()
    if search:
        found = found.filter(
            Q(username__icontains=search) | Q(first_name__icontains=search) | Q(last_name__icontains=search)
        )
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    open_invitations = queries.open_invitations(search)
    seen = last_acts(page)
    for person in cast("Iterable[ListedPerson]", page):
        person.seen_at = seen.get(person.pk)
        person.role_names = {group.name for group in person.groups.all()}
    return render(
        request,
        "accounts/people.html",
        {
            "page": page,
            "roles": Role,
            "search": search,
            "invitation_form": InvitationForm(),
            "invitations": Paginator(open_invitations, 25).get_page(request.GET.get("invitations")),
            "new_invitation": request.session.pop("new_invitation", None),
            "new_password_link": request.session.pop("new_password_link", None),
        },
    )


@role_required(Role.ADMIN)
def audit_log(request: SignedInRequest) -> HttpResponseBase:
    """Who did what to whom, the newest first."""
    page = Paginator(AuditEvent.objects.all(), 100).get_page(request.GET.get("page"))
    for row in cast("Iterable[ListedEvent]", page):
        row.changes = [audit.in_words(row.before), audit.in_words(row.after)]
    return render(request, "accounts/audit.html", {"page": page})


@role_required(Role.ADMIN)
@require_POST
@asks_again
def set_roles(request: SignedInRequest, pk: int) -> HttpResponseBase:
    person = get_object_or_404(User, pk=pk)
    try:
        services.set_roles(user=person, roles=request.POST.getlist("roles"), by=request.user)
        messages.success(request, _("Roles of %(name)s saved.") % {"name": person.username})
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("accounts:people")


@role_required(Role.ADMIN)
@require_POST
@asks_again
def set_active(request: SignedInRequest, pk: int) -> HttpResponseBase:
    person = get_object_or_404(User, pk=pk)
    try:
        services.set_active(user=person, active=request.POST.get("active") == "yes", by=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("accounts:people")


@role_required(Role.ADMIN)
@require_POST
@asks_again
def password_link(request: SignedInRequest, pk: int) -> HttpResponseBase:
    person = get_object_or_404(User, pk=pk)
    try:
        link = services.password_link(user=person, by=request.user)
        # Shown once, on the next page.
        request.session["new_password_link"] = [person.display_name, request.build_absolute_uri(link)]
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("accounts:people")


@role_required(Role.ADMIN)
@require_POST
@asks_again
def invite(request: SignedInRequest) -> HttpResponseBase:
    form = InvitationForm(request.POST)
    if form.is_valid():
        _row, code = services.invite(by=request.user, **form.cleaned_data)
        # Shown once, on the next page: only the code's hash is kept.
        request.session["new_invitation"] = request.build_absolute_uri(
            reverse("accounts:accept-invitation", args=[code])
        )
    else:
        messages.error(request, _("Choose a role for the invitation."))
    return redirect("accounts:people")


@role_required(Role.ADMIN)
@require_POST
@asks_again
def withdraw_invitation(request: SignedInRequest, pk: int) -> HttpResponseBase:
    services.withdraw_invitation(invitation=get_object_or_404(Invitation, pk=pk, used_by=None), by=request.user)
    messages.success(request, _("Invitation withdrawn."))
    return redirect("accounts:people")


def accept_invitation(request: HttpRequest, code: str) -> HttpResponse:
    try:
        invitation = services.find_invitation(code=code)
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("account_login")
    request.session["invitation_id"] = invitation.pk
    return redirect("account_signup")
