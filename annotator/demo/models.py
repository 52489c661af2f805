"""What the demo has done already, so that no start does it twice."""

from django.db import models


class Milestone(models.Model):
    """A step of ``create_demo`` that is done for good, written in the transaction of its effect.

    A demo that an admin has deleted since is not made again: the step has been done.
    """

    name = models.CharField(max_length=60, unique=True)
    reached_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
