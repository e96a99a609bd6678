"""Metadata and dependencies. Tested versions are pinned in constraints.txt; here are lower bounds."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"', (HERE / "balloon_splash/__init__.py").read_text(), re.MULTILINE)[1]

# JPEG photos splashed without encoding them again: only libjpeg-turbo inside the wheels of this package is used.
# Its functions are visible, but not promised: hence the upper bound, a test, and the system's library as a fallback.
JPEG = [
    f"pylibjxl>=0.5,<0.6; {system} and python_version >= '3.11' and python_version < '3.15'"
    for system in (
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "sys_platform == 'darwin' and platform_machine == 'arm64'",
    )
]

# Requirements of a splash: photos, videos, and the model that ships, run by OpenVINO.
SPLASH = [
    *JPEG,
    "numpy>=1.26",
    "openvino>=2025.0",
    "opencv-python>=4.9",
    "Pillow>=11.3",  # the first with AVIF
    "av>=14",
    "requests>=2.31",
    "urllib3>=2",
    "packaging>=23",
    "platformdirs>=4",
    "pycocotools>=2.0.7",  # masks in files of detections
    "PyYAML>=6",  # like the next two, for annotations of splashed photos
    "shapely>=2.0.4",
    "tabulate>=0.9",
    "safetensors>=0.4.3",
    "filelock>=4",  # whose locks a forked process does not inherit
    "tifffile>=2023.7",  # 16-bit colour, which Pillow cannot write
    "tqdm>=4.66",
    "wrapt>=1.16",
]

# Further requirements of training, evaluation and reports. Detectron2 itself is not on PyPI under its own name (see
# tools/install_detectron2.py); the second half is what it imports.
TRAIN = [
    "torch>=2.6",
    "torchvision>=0.21",
    "Jinja2>=3.1",
    "MarkupSafe>=2.1",
    "matplotlib>=3.8",
    "msgspec>=0.19",  # JSON of annotations, parsed several times as fast
    "fvcore>=0.1.5.post20221221",
    "iopath>=0.1.9",
    "yacs>=0.1.8",
    "setuptools<81",  # for pkg_resources
    "omegaconf>=2.1",
    "hydra-core>=1.1",
    "termcolor>=1.1",
    "cloudpickle>=2",
    "tensorboard>=2.14",
]

# int8 for a model that was not packed with ranges.
QUANTISE = ["nncf>=2.15"]

# Formats that tools/export_model.py writes and checks.
EXPORT = [*TRAIN, *QUANTISE, "onnx>=1.17", "onnxruntime>=1.20"]

# Reads the weights of matterport's Mask R-CNN (tools/convert_matterport.py).
MATTERPORT = ["h5py>=3.10"]

# balloon-splash batch: a splash on a Ray cluster. Buckets need fsspec's package for them: s3fs, gcsfs, adlfs, ...
# Ray Data 2.64 is to drop the arguments that bound how often a worker is started again.
BATCH = ["ray[data]>=2.60,<2.64", "fsspec>=2024.6"]

# Its tests need these as well; older versions of moto store what pyarrow 22 sends as garbage.
BATCH_TESTS = [*BATCH, "s3fs>=2024.6", "moto[server]>=5.1.18"]

# Fuzzing guided by coverage (python -m tests.fuzz --kind via-guided); there are wheels for these systems only.
FUZZ = ["atheris>=2.3; sys_platform == 'linux' and platform_machine == 'x86_64'"]

# balloon-splash serve.
SERVE = [
    "fastapi>=0.115",
    "uvicorn>=0.38",
    "python-multipart>=0.0.20",
    "prometheus-client>=0.21",
]

DEVELOPMENT = [
    *EXPORT,
    *MATTERPORT,
    *SERVE,
    "httpx>=0.28",
    "schemathesis>=4",
    "playwright>=1.50",  # the page in a browser; Chromium itself comes from the system
    "axe-playwright-python>=0.1.4",
    "pytest>=8",
    "sahi>=0.12",  # as the next one, for the examples of docs/other_tools.md
    "supervision>=0.27",
    "nbclient>=0.10",
    "pillow-heif>=0.18",
    "pillow-jxl-plugin>=1.3",
    "nbformat>=5.10",
    "ipykernel>=6.29",
    "psutil>=5.9",
    "pytest-cov>=5",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.5",
    "hypothesis>=6.100",
    "ruff>=0.6",
    "mypy>=1.11",
    "pre-commit>=3.7",
    "scikit-image>=0.24",
    "types-PyYAML",
    "types-psutil",
    "types-requests",
    "types-setuptools",
    "types-shapely",
    "types-tabulate",
    "types-tqdm",
]

setup(
    name="balloon-splash",
    version=VERSION,
    description="Colour only where the balloons are: a Detectron2 plugin that trains a Mask R-CNN and splashes photos",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    # The configurations are at the top of the checkout and ship inside the package.
    packages=[*find_packages(include=["balloon_splash", "balloon_splash.*"]), "balloon_splash.configs"],
    package_dir={"balloon_splash.configs": "configs"},
    package_data={
        "balloon_splash": ["py.typed"],
        "balloon_splash.inspect.page": ["templates/*.j2"],
        "balloon_splash.serve": ["page/*"],
        "balloon_splash.weights": ["*.safetensors"],
        "balloon_splash.configs": ["*.yaml", "**/*.yaml"],
    },
    install_requires=SPLASH,
    extras_require={
        "batch": BATCH,
        "batch-dev": BATCH_TESTS,
        "checkout": ["setuptools<81"],  # `pip install --no-build-isolation -e .`, as the Makefile does it
        "detectron2": TRAIN,  # the older name
        "dev": DEVELOPMENT,
        "export": EXPORT,
        "fuzz": FUZZ,
        "heif": ["pillow-heif>=0.18"],
        "matterport": MATTERPORT,
        "jxl": ["pillow-jxl-plugin>=1.3"],
        "openvino": QUANTISE,
        "serve": SERVE,
        "train": TRAIN,
    },
    entry_points={"console_scripts": ["balloon-splash = balloon_splash.cli.main:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
)
