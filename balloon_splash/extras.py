"""Extras of the package that install missing modules."""

from __future__ import annotations

TRAIN = "pip install 'balloon-splash[train]' and then Detectron2 (README, Installing); in a checkout: make train"
_HELP = {
    **dict.fromkeys(
        (
            *("torch", "torchvision", "detectron2", "fvcore", "iopath", "yacs", "omegaconf", "hydra"),
            *("matplotlib", "tensorboard", "jinja2", "markupsafe"),
        ),
        TRAIN,
    ),
    **dict.fromkeys(
        ("fastapi", "uvicorn", "python_multipart", "prometheus_client"), "pip install 'balloon-splash[serve]'"
    ),
    **dict.fromkeys(("ray", "fsspec", "pyarrow"), "pip install 'balloon-splash[batch]'"),
    **dict.fromkeys(("nncf", "onnx", "onnxruntime"), "pip install 'balloon-splash[export]'"),
}


def not_installed(error: ModuleNotFoundError) -> str | None:
    """Return one line that says what to install; None where no extra has the module, and the error is a bug."""
    name = (error.name or "").partition(".")[0]
    return f"{name} is not installed, but needed here; {_HELP[name]}" if name in _HELP else None
