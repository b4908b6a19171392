"""The panmatch command."""
