"""A trained model for programs that have neither Detectron2 nor this package: TorchScript, ONNX, OpenVINO."""
