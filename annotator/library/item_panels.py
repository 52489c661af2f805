"""What other apps show on an item's page: scores, judgments, pairs."""

from annotator.core.panel_registry import PanelRegistry

item_panels = PanelRegistry("item")
