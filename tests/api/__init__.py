"""Tests of what calls take, and requests."""
