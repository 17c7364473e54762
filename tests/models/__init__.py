"""Tests of payloads."""
