"""Metrics and scoring against ground truth."""
