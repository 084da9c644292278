"""Benchmarks, and the hand-written model of Studio that they and the tests measure the engine against."""
