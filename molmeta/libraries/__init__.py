"""Where compounds come from: libraries of any format, featurized once and read in chunks."""
