"""What the input and the output of the ONNX networks are called."""

INPUT, OUTPUT = "pixels", "features"
