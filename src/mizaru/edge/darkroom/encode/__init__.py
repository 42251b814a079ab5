"""What is said of the room as a whole: Ĩ_t, its mean μ, and the channel that releases z_t."""
