"""Drawing recipes from templates: places and values of defects, until a defect marks points."""
