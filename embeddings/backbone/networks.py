"""The networks that this machine makes of some weights, each converted and measured once."""

import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nearframe.common import shown, temporary_errors

from ..device import Placement, instruction_sets
from ..preprocessing import Preprocessing
from ..weights import DEFAULT_WEIGHTS, NAMED_WEIGHTS, FoundWeights
from .agreement import Agreement, measure_agreement
from .cache import Entry, cached, digest_of, folder
from .interface import Backbone

if TYPE_CHECKING:
    from .onnx_runtime import OnnxBackbone

logger = logging.getLogger(__name__)

# Counts up when the same key would give another network.
_RECIPE = 5


class Networks:
    """The networks of some weights for one kind of input.

    What the cache of this user holds is taken from there, so that the weights need not be read,
    nor torch be imported for those that only it can read.

    Args:
        weights: Where they are.
        preprocessing: Of the input; its size, mean and deviation are built in.
    """

    def __init__(self, weights: FoundWeights, preprocessing: Preprocessing) -> None:
        self._weights = weights
        self._preprocessing = preprocessing

    @property
    def may_be_coarse(self) -> bool:
        """Whether a lower precision is worth trying: not where nothing was learned.

        The vectors of a random network differ less than rounding in 8 or 16 bits moves them.
        """
        known = NAMED_WEIGHTS.get(self._weights.name)
        return known is None or known.trained

    def onnx_fp32(self) -> Backbone:
        """Return the network in onnxruntime and float32."""
        key = self._key("onnxruntime", "fp32")
        return _network(key, self._make_fp32)[0]

    def onnx_int8(self) -> tuple[Backbone, bool]:
        """Return the network in onnxruntime and int8, and whether it stands in for float32."""
        key = self._key("onnxruntime", "int8")
        network, entry = _network(key, self._make_int8)
        return network, self._suffices(entry)

    def torch(self, placement: Placement) -> Backbone:
        """Return the network in torch."""
        # Not at the top: it imports torch, which takes seconds.
        from .torch_runtime import TorchBackbone

        return TorchBackbone(
            self._weights.load().state_dict,
            self._preprocessing,
            placement,
            identity=digest_of(self._torch_key(placement)),
        )

    def torch_suffices(self, placement: Placement, reference: Placement) -> bool:
        """Say whether torch in a lower precision stands in for float32 on the same device."""

        def measure() -> Entry:
            agreement = measure_agreement(
                self.torch(placement), self.torch(reference), self._preprocessing.size
            )
            return Entry(asdict(agreement))

        return self._suffices(cached(self._torch_key(placement), measure))

    def _make_fp32(self) -> Entry:
        from .onnx_graph import onnx_graph

        with self._announced("fp32"):
            graph = onnx_graph(self._weights.load().state_dict, self._preprocessing)
            return _arranged(graph.SerializeToString())

    def _make_int8(self) -> Entry:
        from .int8 import quantised_graph
        from .onnx_graph import onnx_graph

        size = self._preprocessing.size
        with self._announced("int8"):
            graph = onnx_graph(self._weights.load().state_dict, self._preprocessing)
            reference = _opened(graph.SerializeToString())
            with temporary_errors(
                f"prepare weights {shown(self._weights.name)} in int8, which takes about 200 MB",
                remedy="use `precision=fp32`",
            ):
                quantised = quantised_graph(graph, size)
            entry = _arranged(quantised)
            agreement = measure_agreement(_opened(entry.content), reference, size)
            return replace(entry, facts=asdict(agreement))

    @contextmanager
    def _announced(self, precision: Literal["fp32", "int8"]) -> Iterator[None]:
        """Say what takes so long and when it is done; of own weights, not only on a terminal."""
        name = shown(self._weights.name)
        own = {"takes_long": self._weights.name not in NAMED_WEIGHTS}
        logger.warning(
            "converting weights %s for this processor in %s, before anything is embedded; only the "
            "first time takes this long (kept in %s)",
            name,
            precision,
            shown(folder()),
            extra=own,
        )
        start = time.monotonic()
        yield
        seconds = time.monotonic() - start
        logger.warning("weights %s are converted (%.0f s)", name, seconds, extra=own)

    def _suffices(self, entry: Entry) -> bool:
        return Agreement(**entry.facts).suffices(builtin=self._weights.name == DEFAULT_WEIGHTS)

    def _torch_key(self, placement: Placement) -> dict[str, Any]:
        return self._key("torch", str(placement.dtype), device=placement.device.type)

    def _key(self, runtime: str, precision: str, **others: str) -> dict[str, Any]:
        """Return all that a network or what is measured of it depends on."""
        packages = ("numpy", runtime) if runtime == "torch" else ("numpy", runtime, "onnx")
        return {
            "recipe": _RECIPE,
            "weights": self._weights.sha256,
            "size": self._preprocessing.size,
            "mean": list(self._preprocessing.mean),
            "std": list(self._preprocessing.std),
            "runtime": runtime,
            "precision": precision,
            "processor": sorted(instruction_sets()),
            "versions": {name: importlib.metadata.version(name) for name in packages},
            **others,
        }


def _arranged(model: bytes) -> Entry:
    """Return a network of ONNX as it is kept; as it is, for once, where there is no room."""
    from .onnx_runtime import optimised

    try:
        return Entry({}, optimised(model))
    except OSError as error:
        logger.warning("the converted network is not kept: no temporary file (%s)", error)
        return Entry({}, model, lasting=False)


def _network(key: dict[str, Any], make: Callable[[], Entry]) -> tuple["OnnxBackbone", Entry]:
    """Open a network of the cache; a process with newer packages may just have removed it."""
    entry = cached(key, make)
    try:
        return _opened(entry.content, identity=digest_of(key)), entry
    # onnxruntime has errors of its own for a file that is missing.
    except Exception:
        if not isinstance(entry.content, Path) or entry.content.exists():
            raise
    entry = make()
    return _opened(entry.content, identity=digest_of(key)), entry


def _opened(model: bytes | Path, *, identity: str = "") -> "OnnxBackbone":
    from .onnx_runtime import OnnxBackbone

    return OnnxBackbone(model, identity=identity)
