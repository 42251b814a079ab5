"""Speed and bytes, measured beside peers in one run and printed as ratios; nothing asserted.

``python -m benchmarks --help``
"""
