"""The privacy ledger: upper bounds on what an outgoing representation can say, and their sums.

`bounds` holds the formulas, `account` what one track has used of its budget, `draw` the curves.
"""
