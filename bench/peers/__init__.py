"""Peers: what customers would write or install instead; each writes the same columns and checks little."""
