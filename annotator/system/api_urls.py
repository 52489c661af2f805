from django.urls import path

from annotator.system.api import SystemView

urlpatterns = [path("system/", SystemView.as_view(), name="api-system")]
