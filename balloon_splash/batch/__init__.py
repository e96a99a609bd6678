"""Splash of more photos and videos than one machine takes, on Ray Data (extra ``batch``)."""
