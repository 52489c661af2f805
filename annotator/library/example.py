"""The manifest in words and as an example, for the import page and for whoever writes one."""

from django.utils.translation import gettext_lazy as _

# Column of the platform, label in the form, what it holds.
COLUMNS = [
    ("file", _("File"), _("The path of the image or video inside the ZIP. Required for every row.")),
    ("prompt", _("Prompt"), _("The text given to the generator. Required for every row.")),
    ("generator", _("Generator"), _("Name of the model that made it; “real” for real footage.")),
    ("generator_version", _("Generator version"), _("For example 1.0 or a date.")),
    ("generator_parameters", _("Generator parameters"), _('A JSON object, for example {"steps": 30}.')),
    ("source", _("Source"), _("The origin of the file: a URL, a dataset, or an author.")),
    ("license", _("License"), _("The terms under which it may be used, for example CC-BY-4.0.")),
    ("media_type", _("Media type"), _("image or video, to have it checked against the file.")),
    ("external_id", _("External ID"), _("Its ID at the source, so that results can be joined again.")),
]

EXAMPLE_ROWS = [
    ["kite/001.png", "A red kite over a gray sea", "painter-xl", "1.0", '{"steps": 30, "seed": 7}',
     "Studio tests, May", "CC-BY-4.0", "image", "kite-001"],
    ["kite/002.mp4", "A red kite over a gray sea", "mover", "2.1", '{"frames": 49}',
     "Studio tests, May", "CC-BY-4.0", "video", "kite-002"],
    ["lamp.webp", "A brass lamp on a desk, morning light", "painter-xl", "1.0", '{"steps": 30, "seed": 8}',
     "Studio tests, May", "CC-BY-4.0", "image", "lamp-001"],
]  # fmt: skip
