"""What was measured: assays, the episodes drawn from them, and screens with known answers."""
