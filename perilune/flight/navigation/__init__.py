"""Where am I: strapdown propagation, the error-state filter and its measurement models."""
