"""The network in two runtimes: torch, which is the reference, and onnxruntime, which is fast."""

from .interface import Backbone
from .load import load_backbone

__all__ = ["Backbone", "load_backbone"]
