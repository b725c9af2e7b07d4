"""`trunkline bench`: measures what a delivered packet costs, with every packet verified.

Load and router are programs of their own, so that neither's CPU counts as the other's. See `README.md` here.
"""
