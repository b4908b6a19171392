"""Training of the nano network: plain loop, losses and recipes."""
