"""Classes that several learners inherit from."""
