"""A dataset version in the forms that other tools read, made from its frozen tables while it is sent."""

from annotator.datasets.formats.offered import FORMATS, export, offered

__all__ = ["FORMATS", "export", "offered"]
