from django.urls import URLPattern, URLResolver

app_name = "mpo"

urlpatterns: list[URLPattern | URLResolver] = []
