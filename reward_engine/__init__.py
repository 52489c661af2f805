"""VisionReward as a library: checklists, judges, rewards one can read, preference pairs. No Django in here."""

__version__ = "1.0.0"
"""The one place that says it: the wheel, the command, the pages, the API and all manifests read it from here."""

WRITTEN_BY = f"visionreward-platform {__version__}"
"""How manifests name the software that wrote them."""
