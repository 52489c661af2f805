"""Where the model says what people say, and people what other people say."""

from annotator.insights.agreement.choice import Choice, choose
from annotator.insights.agreement.evidence import gather
from annotator.insights.agreement.report import compare

__all__ = ["Choice", "choose", "compare", "gather"]
