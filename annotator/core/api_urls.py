from django.urls import path

from annotator.core.api_about import AboutView

urlpatterns = [path("about/", AboutView.as_view(), name="api-about")]
