"""What apps further up may listen to."""

from django.dispatch import Signal

# item: new in the library, in the transaction that records it. Sent for each one, so a receiver must be quick.
item_recorded = Signal()
