from django.urls import path

from annotator.insights.api import AgreementView

urlpatterns = [path("agreement/", AgreementView.as_view(), name="api-agreement")]
