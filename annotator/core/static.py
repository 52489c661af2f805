"""Static files: which are collected, and under which names."""

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedStaticFiles(StaticFilesConfig):
    """Without what packages bring and no page here uses."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "redoc", "rest_framework", "django_htmx"]


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Names hold the content's hash, also where one ES module imports another: no half of a page is ever old."""

    support_js_module_import_aggregation = True
