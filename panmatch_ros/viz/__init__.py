"""Pictures of results: numpy in, RGB out."""
