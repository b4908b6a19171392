"""Files, calibrations, sample images and rendered scenes."""
