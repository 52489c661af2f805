"""Comments of reviewers: written beside an item's answers, read on a page of the annotator's own."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.requests import person_of
from annotator.accounts.roles import role_required
from annotator.campaigns.models import AssignmentState, CampaignItem
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.core.numbers import whole
from annotator.trust import queries, services

A_PAGE = 30


@role_required(Role.REVIEWER, Role.ADMIN)
@require_POST
@part_or_page
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a comment to one of the item's annotators (``assignment``); htmx gets the list of comments."""
    row = get_object_or_404(CampaignItem.objects.select_related("campaign__checklist_version"), pk=pk)
    assignments = row.assignments.filter(state=AssignmentState.SUBMITTED).select_related("annotator").order_by("pk")
    assignment = get_object_or_404(assignments, pk=whole(request.POST.get("assignment", "")))
    problem = ""
    try:
        services.comment_on(assignment=assignment, author=request.user, text=request.POST.get("text", ""))
    except ProblemError as error:
        problem = error.message
    if not wants_part(request):
        if problem:
            messages.error(request, problem)
        return redirect(reverse("trust:review-item", args=[pk]) + "#comments")
    people = queries.review_item(row).people
    context = {
        "row": row, "people": people, "comments": queries.comments_on(row), "problem": problem,
        "written": request.POST.get("text", "") if problem else "", "chosen": assignment.pk,
    }  # fmt: skip
    return render(request, "trust/_comments.html", context)


@role_required(Role.ANNOTATOR)
@require_safe
def comments(request: HttpRequest) -> HttpResponse:
    """What reviewers have told the annotator who asks."""
    found = queries.comments_to(person_of(request))
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    return render(request, "trust/comments.html", {"page": page, "unread": queries.unread_comments(request.user)})


@role_required(Role.ANNOTATOR)
@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark one comment (``comment``) or all comments to the annotator who asks as read."""
    value = request.POST.get("comment", "")
    one = whole(value)
    if value and one is None:
        messages.error(request, _("Choose a comment to mark as read."))
    else:
        services.mark_comments_read(annotator=person_of(request), comment=one)
    return redirect("trust:comments")
