"""Network structure, zoo and weights."""
