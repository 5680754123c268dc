"""Arithmetics: one closed protocol, a float64 and a fixed-point implementation."""
