"""Data sets: vendored digits, MNIST IDX files."""
