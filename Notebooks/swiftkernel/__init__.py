"""A Jupyter kernel for Swift cells that import this repository's package."""
