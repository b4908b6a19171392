"""Files, datasets, calibrations, sample images and rendered scenes."""
