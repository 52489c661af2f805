"""Every write to the library."""

from annotator.library.services.records import record_generator, record_item, record_prompt, store_media

__all__ = ["record_generator", "record_item", "record_prompt", "store_media"]
