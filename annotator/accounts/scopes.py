"""Which scope of an API token a request needs: reading is one, writing depends on what is written."""

from django.utils.translation import gettext as _

from annotator.accounts.models import Scope

SAFE = ("GET", "HEAD", "OPTIONS")

# The first part of the path below /api/v1/. What is not listed needs ``admin``: a new resource is closed at first.
WRITING = {
    "assignments": Scope.ANNOTATE,
    "comparisons": Scope.ANNOTATE,
    "items": Scope.IMPORT,
    "imports": Scope.IMPORT,
    "prompts": Scope.IMPORT,
    "generators": Scope.IMPORT,
    "prompt-sets": Scope.IMPORT,
    "generation-sets": Scope.IMPORT,
    "reward-models": Scope.TRAIN,
    "base-models": Scope.TRAIN,
    "score": Scope.TRAIN,
    "scores": Scope.TRAIN,
    "jobs": Scope.TRAIN,
    "pair-sets": Scope.TRAIN,
    "pairs": Scope.TRAIN,
    "mpo-runs": Scope.TRAIN,
    "model-comparisons": Scope.TRAIN,
    "datasets": Scope.TRAIN,
}
# Acts on a resource that need another scope than its other writes.
ACTS = {
    ("campaigns", "next"): Scope.ANNOTATE,
    ("campaigns", "next-pair"): Scope.ANNOTATE,
    ("comparison-campaigns", "next"): Scope.ANNOTATE,
    ("reward-models", "promote"): Scope.ADMIN,
    ("reward-models", "roll-back"): Scope.ADMIN,
}


def needed(method: str, path: str) -> Scope:
    """The scope that a request needs."""
    if method in SAFE:
        return Scope.READ
    parts = path.partition("/api/v1/")[2].strip("/").split("/")
    return ACTS.get((parts[0], parts[-1])) or WRITING.get(parts[0], Scope.ADMIN)


def refusal(scopes: list[str], method: str, path: str) -> str | None:
    """Why a token with these scopes may not make this request, in words; None where it may."""
    scope = needed(method, path)
    if scope in scopes:
        return None
    return _("This token lacks the scope “%(scope)s”. Create one that has it.") % {"scope": scope.value}
