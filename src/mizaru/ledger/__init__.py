"""The privacy ledger: upper bounds on what an outgoing representation can say, and their sums.

`bounds` holds the formulas, `account` what one track has used of its budget, `record` how a channel
crosses the wire, `calibration` what an encoder's card says of frames like its set, `draw` the
curves.
"""
