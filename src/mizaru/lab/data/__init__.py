"""Data in: manifests, recordings of what the cloud would have seen, skeletons as motion."""
