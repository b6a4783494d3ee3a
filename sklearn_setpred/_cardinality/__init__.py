"""What `CardinalityAwareClassifier` learns with: out-of-fold scores, the pool, sizes."""
