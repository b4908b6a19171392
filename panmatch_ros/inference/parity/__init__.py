"""Comparison with arrays that the reference implementation of PanMatch computed."""
