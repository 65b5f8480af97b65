"""Context Vector Data Description: the detector, its network, training and contexts."""
