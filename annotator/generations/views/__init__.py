"""Pages of prompt sets and generations, one file per subject."""
