"""Damaged images: how much of its accuracy a matcher keeps."""
