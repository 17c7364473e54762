"""Tests of one wire each."""
