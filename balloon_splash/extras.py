"""Extras of the package that install missing modules."""

from __future__ import annotations


def _extra(name: str) -> str:
    """Return how to install an extra, in a checkout and elsewhere."""
    return f"in a checkout: pip install -e '.[{name}]'; elsewhere: pip install 'balloon-splash[{name}]'"


TRAIN = (
    "in a checkout: make train; elsewhere: pip install 'balloon-splash[train]' and then Detectron2 (docs/install.md)"
)
_HELP = {
    **dict.fromkeys(
        (
            *("torch", "torchvision", "detectron2", "fvcore", "iopath", "yacs", "omegaconf", "hydra"),
            *("matplotlib", "tensorboard", "jinja2", "markupsafe"),
        ),
        TRAIN,
    ),
    **dict.fromkeys(("fastapi", "uvicorn", "python_multipart", "prometheus_client"), _extra("serve")),
    **dict.fromkeys(("ray", "fsspec", "pyarrow"), _extra("batch")),
    **dict.fromkeys(("nncf", "onnx", "onnxruntime"), _extra("export")),
}


def not_installed(error: ModuleNotFoundError) -> str | None:
    """Return one line that says what to install; None where no extra has the module, and the error is a bug."""
    name = (error.name or "").partition(".")[0]
    return f"{name} is not installed, but needed here; {_HELP[name]}" if name in _HELP else None
