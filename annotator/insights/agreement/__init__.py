"""Where the model says what people say, and people what other people say."""

from annotator.insights.agreement.choice import Choice, choose
from annotator.insights.agreement.evidence import Evidence, gather
from annotator.insights.agreement.measure import Comparison, SubDimensionAgreement, compare

__all__ = ["Choice", "Comparison", "Evidence", "SubDimensionAgreement", "choose", "compare", "gather"]
