"""Pages of the trust app: annotators and policy, the review queue, and comments to annotators."""
