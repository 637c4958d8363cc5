"""Which frames repeat an earlier one."""

from .greedy import Decision, GreedyDedup
from .planning import DedupOptions, plan_dedup

__all__ = ["Decision", "DedupOptions", "GreedyDedup", "plan_dedup"]
