"""How a learner is meta-trained: task, episodes, loop, checkpoints, and where it starts."""
