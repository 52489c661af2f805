"""What apps further up may listen to."""

from django.dispatch import Signal

# reward_model, requested_by, params: a scoring job is through. Its scores are committed; what a receiver writes
# (jobs it asks for, say) is committed together with the note that it was told, so that it is told once.
scoring_finished = Signal()
