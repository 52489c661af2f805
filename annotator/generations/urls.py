"""Addresses of prompt sets and generations, below /mpo/."""

from django.urls import path

from annotator.generations.views import generations, prompt_sets

app_name = "generations"

urlpatterns = [
    path("prompt-sets/", prompt_sets.prompt_sets, name="prompt-sets"),
    path("prompt-sets/new/", prompt_sets.prompt_set_create, name="prompt-set-create"),
    path("prompt-sets/<int:pk>/", prompt_sets.prompt_set, name="prompt-set"),
    path("prompt-sets/<int:pk>/download/<slug:kind>/", prompt_sets.prompt_set_download, name="prompt-set-download"),
    path("prompt-sets/<int:pk>/delete/", prompt_sets.prompt_set_delete, name="prompt-set-delete"),
    path("generations/", generations.generations, name="generations"),
    path("generations/new/", generations.generate, name="generate"),
    path("generations/new/prompt-sets/", generations.generate_prompt_sets, name="generate-prompt-sets"),
    path("generations/estimate/", generations.generation_estimate, name="generation-estimate"),
    path("generations/<int:pk>/", generations.generation, name="generation"),
    path("generations/<int:pk>/state/", generations.generation_state, name="generation-state"),
    path("generations/<int:pk>/cancel/", generations.generation_cancel, name="generation-cancel"),
    path("generations/<int:pk>/resume/", generations.generation_resume, name="generation-resume"),
    path("generations/<int:pk>/score/", generations.generation_score, name="generation-score"),
]
