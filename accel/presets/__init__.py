"""Accelerator files of cited machines."""

DEFAULT = "gupta2015"
"""The preset that is used when no accelerator is named."""
