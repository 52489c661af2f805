"""What apps further up may listen to. Sent inside the transaction of the write."""

from django.dispatch import Signal

assignment_submitted = Signal()  # assignment: the submitted Assignment
