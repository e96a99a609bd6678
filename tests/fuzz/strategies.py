"""Annotation files that nearly are what they should be, as hypothesis strategies."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mutations import mutate

PHOTO_NAMES = ("a.jpg", "b.png", "c/d.jpg", "turned.jpg")  # those in the image folder
STRANGE_NAMES = (
    "../a.jpg",
    "/etc/passwd",
    "c:\\a.jpg",
    "._a.jpg",
    "a\0.jpg",
    "c",
    "",
    ".",
    "x" * 5000,
    "\udcff.jpg",
    "A.JPG",
)
CSV_COLUMNS = [
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
]

any_number = st.integers() | st.floats() | st.integers(-10, 80) | st.sampled_from([10**400, -(2**63), 1e308, -0.0])
near_number = st.integers(-5, 70) | st.floats(-5, 70)
scalar = st.none() | st.booleans() | any_number | st.text(max_size=8)
anything = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
# Mostly sound, so that the code behind the first check is reached, too.
coordinate = st.one_of(near_number, near_number, near_number, near_number, anything)
coordinates = st.lists(near_number, max_size=14) | st.lists(coordinate, max_size=6) | anything
filename = st.sampled_from(PHOTO_NAMES) | st.sampled_from(PHOTO_NAMES + STRANGE_NAMES) | st.text(max_size=8)


@st.composite
def outlines(draw: st.DrawFn) -> dict[str, Any]:
    """A polygon or polyline of as many x as y, often crossing itself or closed."""
    xs = draw(st.lists(near_number, min_size=3, max_size=14))
    ys = draw(st.lists(near_number, min_size=len(xs), max_size=len(xs)))
    if draw(st.booleans()):
        xs, ys = [*xs, xs[0]], [*ys, ys[0]]
    return {"name": draw(st.sampled_from(["polygon", "polyline"])), "all_points_x": xs, "all_points_y": ys}


shape = st.one_of(
    outlines(),
    outlines(),
    st.fixed_dictionaries(
        {"name": st.sampled_from(["polygon", "polyline"]), "all_points_x": coordinates, "all_points_y": coordinates}
    ),
    st.fixed_dictionaries({"name": st.just("rect")}, optional=dict.fromkeys(["x", "y", "width", "height"], coordinate)),
    st.fixed_dictionaries({"name": st.just("circle")}, optional=dict.fromkeys(["cx", "cy", "r"], coordinate)),
    st.fixed_dictionaries(
        {"name": st.just("ellipse")}, optional=dict.fromkeys(["cx", "cy", "rx", "ry", "theta"], coordinate)
    ),
    st.fixed_dictionaries({"name": st.just("point")}, optional=dict.fromkeys(["cx", "cy"], coordinate)),
    st.dictionaries(st.sampled_from(["name", "all_points_x", "r"]) | st.text(max_size=5), anything, max_size=3),
    anything,
)
class_value = st.one_of(
    st.sampled_from(["balloon", "cup", " balloon ", ""]),
    st.dictionaries(st.sampled_from(["balloon", "cup"]) | st.text(max_size=4), st.booleans() | anything, max_size=3),
    anything,
)
attributes = st.fixed_dictionaries({}, optional={"class": class_value, "name": anything}) | anything
region = st.fixed_dictionaries({"shape_attributes": shape}, optional={"region_attributes": attributes}) | anything
regions = st.one_of(
    st.lists(region, max_size=4),
    st.dictionaries(st.integers(0, 9).map(str) | st.text(max_size=3), region, max_size=4),
    anything,
)
photo = st.one_of(
    st.fixed_dictionaries(
        {"filename": filename, "regions": regions},
        optional={"size": st.integers(-2, 2000) | anything, "file_attributes": anything, "base64_img_data": st.text()},
    ),
    st.fixed_dictionaries({}, optional={"filename": filename | anything, "regions": regions, "size": anything}),
    anything,
)
photos = st.dictionaries(st.text(max_size=6), photo, max_size=4)
project = st.fixed_dictionaries(
    {"_via_img_metadata": photos | anything},
    optional={
        "_via_settings": anything,
        "_via_attributes": anything,
        "_via_data_format_version": st.just("2.0.10"),
        "_via_image_id_list": anything,
    },
)
document = st.one_of(photos, photos, photos, project, anything)


@st.composite
def json_files(draw: st.DrawFn) -> bytes:
    """A JSON document as bytes, with or without byte-order mark, sometimes in another encoding."""
    text = json.dumps(draw(document), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16"]))
    return text.encode(encoding, "surrogatepass")


cell_json = st.one_of(shape, attributes, anything).map(json.dumps) | st.text(max_size=12)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """A CSV export of VIA 1 or 2, with columns missing, doubled or in another order now and then."""
    columns = list(CSV_COLUMNS)
    if draw(st.integers(0, 4)) == 0:
        columns = draw(st.permutations(columns + draw(st.lists(st.sampled_from(columns), max_size=2))))
    output = io.StringIO()
    output.write(
        draw(st.sampled_from(["", "#", "# "])) + ",".join(columns) + draw(st.sampled_from(["\n", "\r\n", "\r"]))
    )
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = csv.QUOTE_ALL if draw(st.booleans()) else csv.QUOTE_MINIMAL
    writer = csv.writer(output, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]  # of typeshed
    for _ in range(draw(st.integers(0, 5))):
        row = [
            draw(filename),
            draw(st.integers(-2, 9999).map(str) | st.text(max_size=25)),
            draw(cell_json),
            draw(st.integers(-1, 4).map(str) | st.text(max_size=3)),
            draw(st.integers(-1, 4).map(str)),
            json.dumps(draw(shape)) if draw(st.booleans()) else draw(cell_json),
            json.dumps(draw(attributes)) if draw(st.booleans()) else draw(cell_json),
        ]
        writer.writerow(row[: draw(st.sampled_from([7, 7, 7, 7, 5, 3, 1]))] + draw(st.lists(cell_json, max_size=1)))
    return output.getvalue().encode("utf-8", "surrogatepass")


@st.composite
def via_files(draw: st.DrawFn) -> bytes:
    """A VIA file of either kind; one in five is damaged byte by byte as well."""
    content = draw(st.one_of(json_files(), json_files(), csv_files()))
    if draw(st.integers(0, 4)) == 0:
        return mutate(content, [content or b"{}"], random.Random(draw(st.integers(0, 2**32))))
    return content


# A LabelMe file with one fault is refused as a whole, so most have to be sound.
labelme_point = st.lists(near_number, min_size=2, max_size=2)
LABELME_POINTS = {"polygon": (3, 12), "rectangle": (2, 2), "circle": (2, 2)}
"""Least and most points of each shape that is read."""


@st.composite
def sound_labelme_shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Shapes as LabelMe writes them, or wrote them some versions ago; polygons often cross themselves."""
    kind = draw(st.sampled_from(["polygon", *LABELME_POINTS]))
    fewest, most = LABELME_POINTS[kind]
    points = draw(st.lists(labelme_point, min_size=fewest, max_size=most))
    return {
        "label": draw(st.sampled_from(["balloon", "cup"])),
        "points": points,
        "shape_type": kind,
        **draw(
            st.fixed_dictionaries(
                {},
                optional={"group_id": st.none() | st.integers(0, 2), "flags": st.just({}), "description": st.text()},
            )
        ),
    }


strange_labelme_shape = st.fixed_dictionaries(
    {
        "label": st.one_of(st.just("balloon"), st.just("cup"), anything),
        "points": st.one_of(
            st.lists(labelme_point, max_size=8), st.lists(st.lists(coordinate, max_size=3), max_size=4), anything
        ),
    },
    optional={
        "group_id": st.none() | st.integers(0, 2) | anything,
        "shape_type": st.sampled_from(["polygon", "rectangle", "circle", "line", "point", "mask"]) | anything,
    },
)
sound_labelme_document = st.fixed_dictionaries(
    {
        "imagePath": st.sampled_from(PHOTO_NAMES).map(lambda name: f"photos/{name}"),
        "shapes": st.lists(sound_labelme_shapes(), max_size=4),
    },
    optional={"version": st.just("5.4.1"), "imageData": st.none(), "imageHeight": near_number, "imageWidth": anything},
)
strange_labelme_document = st.fixed_dictionaries(
    {
        "imagePath": st.one_of(*[filename.map(lambda name: f"photos/{name}")] * 3, filename, anything),
        "shapes": st.lists(st.one_of(sound_labelme_shapes(), strange_labelme_shape, anything), max_size=3) | anything,
    }
)


@st.composite
def labelme_files(draw: st.DrawFn) -> bytes:
    """A file of LabelMe's whose photos lie in the folder ``photos``; most are sound, for what is then changed."""
    document = draw(st.one_of(*[sound_labelme_document] * 4, strange_labelme_document, anything))
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
