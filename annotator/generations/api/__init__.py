"""Prompt sets and generations for programs, one file per subject."""
