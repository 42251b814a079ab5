"""Camera → frames in shared memory, in a child process that can reach the camera only."""
