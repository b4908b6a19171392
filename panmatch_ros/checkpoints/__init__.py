"""Weight files: reading with care, names of the official keys, conversion, catalog."""
