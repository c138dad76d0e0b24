"""Many flights: dispersions, batches, statistics."""
