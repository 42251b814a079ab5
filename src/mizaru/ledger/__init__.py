"""The privacy ledger: upper bounds on what an outgoing representation can say, and their sums."""
