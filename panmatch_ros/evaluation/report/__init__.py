"""HTML pages: tables, plots, pictures."""
