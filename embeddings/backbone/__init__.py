"""The network in two runtimes: torch, which is the reference, and onnxruntime, which is fast."""

from .interface import Backbone, Identified
from .load import load_backbone

__all__ = ["Backbone", "Identified", "load_backbone"]
