"""Addresses of runs and comparisons below /mpo/."""

from django.urls import path

from annotator.mpo.views import comparisons, runs

urlpatterns = [
    path("runs/", runs.runs, name="runs"),
    path("runs/new/", runs.run_new, name="run-new"),
    path("runs/new/defaults/", runs.run_defaults, name="run-defaults"),
    path("runs/new/pair-sets/", runs.run_pair_sets, name="run-pair-sets"),
    path("runs/new/estimate/", runs.run_estimate, name="run-estimate"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/samples/", runs.run_samples, name="run-samples"),
    path("runs/<int:pk>/samples/<int:step>.png", runs.run_grid, name="run-grid"),
    path("runs/<int:pk>/files/<path:name>", runs.run_download, name="run-download"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/resume/", runs.run_resume, name="run-resume"),
    path("comparisons/", comparisons.comparisons, name="comparisons"),
    path("comparisons/new/", comparisons.comparison_new, name="comparison-new"),
    path("comparisons/new/prompt-sets/", comparisons.comparison_prompt_sets, name="comparison-prompt-sets"),
    path("comparisons/<int:pk>/", comparisons.comparison, name="comparison"),
    path("comparisons/<int:pk>/cancel/", comparisons.comparison_cancel, name="comparison-cancel"),
    path("comparisons/<int:pk>/resume/", comparisons.comparison_resume, name="comparison-resume"),
    path("comparisons/<int:pk>/ask/<int:run>/", comparisons.comparison_ask, name="comparison-ask"),
]
