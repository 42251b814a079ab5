"""The encoder family f_θ: anonymous frames in, small embeddings that forget who out."""
