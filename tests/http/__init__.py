"""Tests of requests out, answers back."""
