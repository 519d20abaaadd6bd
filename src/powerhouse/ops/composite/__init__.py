"""Composites: plain functions over ops. They need no gradient rule, and their length costs nothing the second time."""
