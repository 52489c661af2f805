"""Addresses below /trust/."""

from django.urls import path

from annotator.trust import views

app_name = "trust"
urlpatterns = [
    path("campaigns/<int:pk>/", views.campaign, name="campaign"),
    path("campaigns/<int:pk>/annotators/<int:annotator>/", views.standing, name="standing"),
    path("campaigns/<int:pk>/review/", views.review, name="review"),
    path("items/<int:pk>/", views.review_item, name="review-item"),
    path("items/<int:pk>/forget/", views.forget, name="forget"),
]
