"""The core to what enforces it, one file a target. A back end agrees with the interpreter or refuses."""
