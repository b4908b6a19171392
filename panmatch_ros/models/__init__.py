"""Networks: torch modules only, tensors in and out. PanMatch (arXiv 2507.08400)."""
