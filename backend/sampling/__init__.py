"""Drawing recipes from templates: where a defect may lie, what it is like, until it shows."""
