"""Training: from sequences to weights, with everything that is said about them."""
