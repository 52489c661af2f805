"""The manifest in words and as an example, for the import page and for whoever writes one."""

from django.utils.translation import gettext_lazy as _

# Column of the platform, label in the form, what it holds.
COLUMNS = [
    ("file", _("File"), _("The path of the image or video inside the ZIP. Every row needs it.")),
    ("prompt", _("Prompt"), _("The text the generator was given. Every row needs it.")),
    ("generator", _("Generator"), _("Name of the model that made it; “real” for footage.")),
    ("generator_version", _("Generator version"), _("For instance 1.0 or a date.")),
    ("generator_parameters", _("Generator parameters"), _('A JSON object, for instance {"steps": 30}.')),
    ("source", _("Source"), _("Where it comes from: an address, a dataset, a person.")),
    ("licence", _("Licence"), _("Under which terms it may be used, for instance CC-BY-4.0.")),
    ("media_type", _("Media type"), _("image or video, where you want it checked against the file.")),
    ("external_id", _("External id"), _("Its id where it comes from, so that results can be joined again.")),
]

EXAMPLE_ROWS = [
    ["kite/001.png", "A red kite over a grey sea", "painter-xl", "1.0", '{"steps": 30, "seed": 7}',
     "Studio tests, May", "CC-BY-4.0", "image", "kite-001"],
    ["kite/002.mp4", "A red kite over a grey sea", "mover", "2.1", '{"frames": 49}',
     "Studio tests, May", "CC-BY-4.0", "video", "kite-002"],
    ["lamp.webp", "A brass lamp on a desk, morning light", "painter-xl", "1.0", '{"steps": 30, "seed": 8}',
     "Studio tests, May", "CC-BY-4.0", "image", "lamp-001"],
]  # fmt: skip
