"""Matchers behind one interface."""
