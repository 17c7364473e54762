"""Tests of deltas to live snapshots."""
