"""Pages of the campaigns app: managing campaigns, and the annotator's workspace."""
