"""What every trained network needs: the loop, checkpoints, devices, objectives, progress."""
