from django.urls import path

from annotator.system import views

app_name = "system"

urlpatterns = [path("", views.system, name="system")]
