"""Figures from archives."""
