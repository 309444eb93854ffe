"""What the user brings: the case file, examples, splits, and the data audit."""
