"""Splash of more photos and videos than one machine can take, on Ray Data (extra ``batch``)."""
