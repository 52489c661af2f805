"""What apps further up may listen to. Sent inside the transaction of the write."""

from django.dispatch import Signal

assignment_submitted = Signal()  # assignment: the submitted Assignment
items_taken_out = Signal()  # campaign: the Campaign they were taken out of
