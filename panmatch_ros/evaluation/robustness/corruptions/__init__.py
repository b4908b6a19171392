"""Graded damage of image pairs: weather, light, optics, sensor, coding and style."""
