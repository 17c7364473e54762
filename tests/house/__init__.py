"""Tests of the house itself: layers, layout, exports, packaging, documents."""
