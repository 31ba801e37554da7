"""How small a defect a detector finds: hits and misses over the size, by kind and place."""
