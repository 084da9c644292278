"""What is deployed. It needs nothing of the compiler."""
