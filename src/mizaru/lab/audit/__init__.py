"""The audit: what an attacker still learns from each representation, as numbers.

`contract` holds the types, `registry` the two plain dicts of representations and attacks. A new
representation or attack is one file and one row there, and gets the whole table.
"""
