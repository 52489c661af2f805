"""Forms of prompt sets and generations."""
