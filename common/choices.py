"""The names of choices, which functions take and the command line offers."""

from typing import Literal, get_args

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[Device, ...] = get_args(Device)

Runtime = Literal["auto", "torch", "onnxruntime"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Fit = Literal["stretch", "crop"]
FITS: tuple[Fit, ...] = get_args(Fit)

AnnChoice = Literal["auto", "flat", "ivf"]
ANN_CHOICES: tuple[AnnChoice, ...] = get_args(AnnChoice)

Method = Literal["embedding", "change", "hybrid"]
METHODS: tuple[Method, ...] = get_args(Method)

Against = Literal["kept", "all", "previous"]
AGAINST: tuple[Against, ...] = get_args(Against)

Keep = Literal["first", "sharpest", "largest"]
KEEP: tuple[Keep, ...] = get_args(Keep)

Action = Literal["move", "copy-unique", "hardlink", "trash", "delete"]
ACTIONS: tuple[Action, ...] = get_args(Action)

SplitAction = Literal["copy", "move", "link"]
SPLIT_ACTIONS: tuple[SplitAction, ...] = get_args(SplitAction)
