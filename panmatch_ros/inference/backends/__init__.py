"""What computes networks: one protocol, and a file for each library behind it."""
