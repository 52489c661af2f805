"""Addresses below /trust/."""

from django.urls import path

from annotator.trust.views import campaign, comments, review

app_name = "trust"
urlpatterns = [
    path("campaigns/<int:pk>/", campaign.campaign, name="campaign"),
    path("campaigns/<int:pk>/annotators/<int:annotator>/", campaign.standing, name="standing"),
    path("campaigns/<int:pk>/review/", review.review, name="review"),
    path("campaigns/<int:pk>/review/next/", review.review_next, name="review-next"),
    path("items/<int:pk>/", review.review_item, name="review-item"),
    path("items/<int:pk>/comment/", comments.comment, name="comment"),
    path("items/<int:pk>/forget/", campaign.forget, name="forget"),
    path("comments/", comments.comments, name="comments"),
    path("comments/read/", comments.mark_read, name="comments-read"),
]
