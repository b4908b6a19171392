"""Bags and live topics: every frame scored."""
