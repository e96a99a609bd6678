#!/bin/bash
# ray.data.read_images() leaves out files that it was given by name. It keeps paths that end in png, jpg, jpeg, tif, tiff, bmp or
# gif, also of a list of paths, and drops the rest: WebP, AVIF, HEIC, JPEG XL, JPEG 2000, though Pillow in the same process
# opens them, and photos without a suffix, as object stores hold them. One would expect a filter for folders, and an error for a named
# file that is not read. The job succeeds, its progress bar says 100 %, and the iPhone's and the browser's share of a million photos is
# missing; only if nothing at all is left does it raise. `file_extensions=None` reads all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ray==2.60.0' 'pyarrow<25' 'pandas<4' 'numpy<3' 'pillow==12.3.0' 'fsspec' 2>/dev/null
cd "$folder"
RAY_DATA_DISABLE_PROGRESS_BARS=1 RAY_USAGE_STATS_ENABLED=0 "$folder/venv/bin/python" -W ignore - 2>ray.log <<'PYTHON' || { tail -5 ray.log; exit 1; }
import os
import sys

import PIL
import ray
from PIL import Image

formats = {"a.jpg": "JPEG", "B.JPG": "JPEG", "c.png": "PNG", "d.webp": "WEBP", "e.avif": "AVIF", "f.jp2": "JPEG2000", "no_suffix": "JPEG"}
for name, kind in formats.items():
    Image.new("RGB", (32, 24), (200, 30, 30)).save(name, kind)
    with Image.open(name) as image:
        assert image.format == kind
paths = [os.path.abspath(name) for name in formats]

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)


def names(**options):
    rows = ray.data.read_images(paths, include_paths=True, **options).take_all()
    return sorted(os.path.basename(row["path"]) for row in rows)


print("ray", ray.__version__, "Pillow", PIL.__version__)
named, by_default, all_kinds = sorted(formats), names(), names(file_extensions=None)
print("named, and opened by Pillow:     ", named)
print("rows of read_images(paths):      ", by_default)
print("rows with file_extensions=None:  ", all_kinds)
ray.shutdown()
sys.exit(not (by_default == ["B.JPG", "a.jpg", "c.png"] and all_kinds == named))
PYTHON
echo "ray.data.read_images() drops named files by their suffix and reports nothing."
