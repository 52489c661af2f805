"""Addresses below /campaigns/."""

from django.urls import path

from annotator.campaigns.views import compare, examples, flags, items, manage, media, suggestions, workspace

app_name = "campaigns"
urlpatterns = [
    path("", manage.campaign_list, name="list"),
    path("new/", manage.create, name="create"),
    path("new/count/", manage.count, name="count"),
    path("new/pairs/", compare.create, name="create-comparing"),
    path("new/pairs/count/", compare.count, name="count-pairs"),
    path("<int:pk>/", manage.detail, name="detail"),
    path("<int:pk>/state/", manage.change_state, name="state"),
    path("<int:pk>/guidelines/", manage.edit_guidelines, name="guidelines"),
    path("<int:pk>/items/", items.item_list, name="items"),
    path("<int:pk>/items/add/", items.add, name="add-items"),
    path("<int:pk>/items/count/", items.count, name="count-new-items"),
    path("<int:pk>/items/order/", items.order, name="queue-order"),
    path("<int:pk>/items/out/", items.take_out, name="take-out"),
    path("<int:pk>/work/", workspace.work, name="work"),
    path("<int:pk>/next/", workspace.following, name="next"),
    path("<int:pk>/compare/", compare.compare, name="compare"),
    path("comparisons/<uuid:token>/", compare.comparison, name="comparison"),
    path("comparisons/<uuid:token>/skip/", compare.skip, name="skip-comparison"),
    path("comparisons/<uuid:token>/take-up/", compare.take_up, name="take-up-comparison"),
    path("<int:pk>/mine/", workspace.mine, name="mine"),
    path("<int:pk>/suggestions/", suggestions.suggestions, name="suggestions"),
    path("checklists/<int:pk>/", manage.checklist, name="checklist"),
    path("checklists/<int:pk>/guide/", examples.guide, name="guide"),
    path("checklists/<int:pk>/take-over/", examples.take_over, name="take-over-examples"),
    path("checklists/<int:pk>/<slug:sub_dimension>/<str:level>/", examples.level_examples, name="level-examples"),
    path("examples/<int:pk>/media/", examples.media, name="example-media"),
    path("examples/<int:pk>/thumbnail/", examples.thumbnail, name="example-thumbnail"),
    path("media/<uuid:token>/", media.media, name="media"),
    path("media/<uuid:token>/small/", media.thumbnail, name="thumbnail"),
    path("media/<uuid:token>/<str:side>/", media.side, name="side"),
    path("media/<uuid:token>/<str:side>/small/", media.side_thumbnail, name="side-thumbnail"),
    path("flags/", flags.flag_list, name="flags"),
    path("flags/<int:pk>/settle/", flags.settle, name="settle-flag"),
    path("assignments/<uuid:token>/", workspace.annotate, name="annotate"),
    path("assignments/<uuid:token>/judgments/", workspace.judge, name="judge"),
    path("assignments/<uuid:token>/submit/", workspace.submit, name="submit"),
    path("assignments/<uuid:token>/skip/", workspace.skip, name="skip"),
    path("assignments/<uuid:token>/flag/", workspace.flag, name="flag"),
    path("assignments/<uuid:token>/take-up/", workspace.take_up, name="take-up"),
]
