"""One representation a file: what a reader outside gets to see of a visit."""
