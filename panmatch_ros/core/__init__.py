"""Types and geometry: numpy and OpenCV only."""
