"""Meta-training: the task, its episodes, the loop, its checkpoints and its start."""
