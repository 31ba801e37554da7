"""A small Point Transformer in plain PyTorch."""

from backend.models.pointwise.point_transformer.config import PointTransformerConfig
from backend.models.pointwise.point_transformer.network import PointTransformer

__all__ = ["PointTransformer", "PointTransformerConfig"]
