"""Float64 NumPy twins of `kernels`: the reference, sharing no code with them."""
