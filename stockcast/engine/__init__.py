"""Engine: pieces of work that do not depend on each other, done one after the other, on all cores, or on a cluster."""
