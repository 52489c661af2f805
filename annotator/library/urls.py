from django.urls import path

from annotator.library import serving, views

app_name = "library"

urlpatterns = [
    path("", views.items, name="items"),
    path("<int:pk>/", views.item_detail, name="item"),
    path("<int:pk>/media/", serving.media, name="media"),
    path("<int:pk>/original/", serving.original, name="original"),
    path("<int:pk>/thumbnail/", serving.thumbnail, name="thumbnail"),
    path("import/", views.start_import, name="import"),
    path("import/manifest.csv", views.example_manifest, name="example-manifest"),
    path("imports/", views.batches, name="batches"),
    path("imports/<int:pk>/", views.batch, name="batch"),
    path("imports/<int:pk>/problems.csv", views.batch_problems, name="batch-problems"),
]
