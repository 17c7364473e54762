"""Tests of JSON text, values, payloads."""
