"""The metrics, each by its published definition; arrays in, numbers out."""
