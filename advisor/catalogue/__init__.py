"""Dated facts: prices and life cycles, each with source and date."""
