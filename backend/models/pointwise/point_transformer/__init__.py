"""A small Point Transformer in plain PyTorch."""

from backend.models.pointwise.point_transformer.config import PointTransformerConfig
from backend.models.pointwise.point_transformer.network import PointOutput, PointTransformer

__all__ = ["PointOutput", "PointTransformer", "PointTransformerConfig"]
