"""`Detector`, the default: several detectors on one scale, surprisal, choice of contexts."""
