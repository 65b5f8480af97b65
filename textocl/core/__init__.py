"""What text and images share: the contract of a detector, thresholds, validation, persistence."""
