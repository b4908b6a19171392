"""
Cheaper forms of parts of the network, for inference.

Each has the contract of the part that it replaces and the same values up to rounding. They are
made from trained parts by ``models.folding``; weight files never hold them.
"""
