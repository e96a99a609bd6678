"""Make the pictures and the clip of docs/splash.md from rendered scenes, with the command itself.

    python docs/images/splash_pictures.py

The objects are the true outlines of the rendered balloons, given to the command by ``--detections``; only
``splash_add_box.jpg`` shows what the model that ships finds.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from balloon_splash.cli import splash
from balloon_splash.compositing.detections import Detections
from balloon_splash.data.render import render_scene
from balloon_splash.media.video.clip import Clip
from balloon_splash.splasher.detection_files import recording, write_detections
from balloon_splash.splasher.record_finder import frame_name
from balloon_splash.splasher.video_stream import open_video

HERE = Path(__file__).parent
STILL_SEED, CLIP_SEED = 19, 2
SAMPLES = 112
BACKGROUNDS = ["grey", "desaturate:0.7", "blur", "pixelate", "black", "white", "#2d4a7a", "transparent", "invert"]
TILE = (320, 213)
MISSED_SEED, MISSED_BOX = 66, (273, 42, 753, 574)
FRAMES, RATE, CLIP_SIZE = 48, 16, (320, 214)


def detections(polygons: list[npt.NDArray[np.float64]], size: tuple[int, int]) -> Detections:
    """Outlines as what a perfect model would find in a picture of ``size`` (height, width)."""
    boxes, masks = [], []
    for polygon in polygons:
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        grid = (polygon - low) / np.maximum(high - low, 1e-6) * SAMPLES * 4
        fine = cv2.fillPoly(np.zeros((SAMPLES * 4, SAMPLES * 4), np.uint8), [grid.round().astype(np.int32)], (1,))
        masks.append(cv2.resize(fine.astype(np.float32), (SAMPLES, SAMPLES), interpolation=cv2.INTER_AREA))
        boxes.append([*low, *high])
    count = len(polygons)
    return Detections(
        size=size,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.linspace(0.99, 0.95, count, dtype=np.float32),
        classes=np.zeros(count, np.int64),
        soft_masks=np.array(masks, np.float32).reshape(-1, SAMPLES, SAMPLES),
        class_names=("balloon",),
    )


def run(*args: object) -> None:
    """The command, which must succeed."""
    assert splash.main([str(arg) for arg in (*args, "--quiet")]) == 0


def stills(folder: Path) -> None:
    """Before beside after, and every background in one sheet."""
    scene = render_scene(STILL_SEED, (960, 640))
    photo, record = folder / "photo.png", folder / "found.json"
    Image.fromarray(scene.image).save(photo)
    write_detections({photo.name: detections(scene.polygons, (640, 960))}, record)
    common = ("--input", photo, "--detections", record, "--soft", "--overwrite")
    tiles = []
    for choice in BACKGROUNDS:
        look = ("--invert",) if choice == "invert" else ("--background", choice)
        run(*common, "--output", folder / "out.png", *look)
        tiles.append(tile(Image.open(folder / "out.png"), f"--{choice}" if choice == "invert" else choice))
    sheet = Image.new("RGB", (3 * TILE[0] + 8, 3 * TILE[1] + 8), "white")
    for number, picture in enumerate(tiles):
        sheet.paste(picture, ((number % 3) * (TILE[0] + 4), (number // 3) * (TILE[1] + 4)))
    sheet.save(HERE / "splash_backgrounds.jpg", quality=88)
    run(*common, "--output", folder / "out.png")
    pair = np.hstack([scene.image, np.full((640, 8, 3), 255, np.uint8), np.asarray(Image.open(folder / "out.png"))])
    Image.fromarray(pair).resize((1200, 397), Image.Resampling.LANCZOS).save(
        HERE / "splash_before_after.jpg", quality=90
    )


def added_box(folder: Path) -> None:
    """A photo whose balloon the model misses, with the box for it; what it keeps without the box, and with it."""
    photo = folder / "missed.png"
    scene = Image.fromarray(render_scene(MISSED_SEED, (960, 640), kind="hot-air").image)
    scene.save(photo)
    pictures = [scene.copy()]
    ImageDraw.Draw(pictures[0]).rectangle(MISSED_BOX, outline="red", width=5)
    for options in ((), ("--add-box", *MISSED_BOX)):
        run("--input", photo, "--output", folder / "kept.png", "--overwrite", "--soft", *options)
        pictures.append(Image.open(folder / "kept.png").convert("RGB"))
    captions = ("--add-box " + " ".join(map(str, MISSED_BOX)), "without", "with --add-box")
    sheet = Image.new("RGB", (3 * TILE[0] + 8, TILE[1]), "white")
    for column, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        sheet.paste(tile(picture, caption), (column * (TILE[0] + 4), 0))
    sheet.save(HERE / "splash_add_box.jpg", quality=88)


def tile(picture: Image.Image, caption: str) -> Image.Image:
    """A small copy with its caption; what is transparent shows a checkerboard."""
    small = picture.convert("RGBA").resize(TILE, Image.Resampling.LANCZOS)
    y, x = np.mgrid[: TILE[1], : TILE[0]] // 10
    board = Image.fromarray(np.where((x + y) % 2, 255, 205).astype(np.uint8)).convert("RGBA")
    board.alpha_composite(small)
    draw = ImageDraw.Draw(board)
    font = ImageFont.load_default(15)
    box = draw.textbbox((8, 6), caption, font=font)
    draw.rectangle((box[0] - 4, box[1] - 3, box[2] + 4, box[3] + 3), fill=(0, 0, 0, 255))
    draw.text((8, 6), caption, font=font, fill="white")
    return board.convert("RGB")


def clip(folder: Path) -> None:
    """A camera that moves over a scene, before beside after, as an animated WebP."""
    scene = render_scene(CLIP_SEED, (1440, 963))
    source, record = folder / "party.mp4", folder / "found.jsonl"
    width, height = CLIP_SIZE
    before = []
    with recording(record) as add, av.open(source, "w") as output:
        stream = output.add_stream("libx264", rate=RATE, width=width, height=height, options={"crf": "14"})
        for index in range(FRAMES):
            matrix = camera(index / FRAMES, scene.image.shape[1], scene.image.shape[0])
            frame = cv2.warpAffine(scene.image, matrix, CLIP_SIZE, flags=cv2.INTER_AREA)
            before.append(np.asarray(frame, np.uint8))
            moved = [polygon @ matrix[:, :2].T + matrix[:, 2] for polygon in scene.polygons]
            seen = [p for p in moved if (p.max(axis=0) > 0).all() and (p.min(axis=0) < CLIP_SIZE).all()]
            add(frame_name(source.name, Fraction(index, RATE)), detections(seen, (height, width)))
            output.mux(stream.encode(av.VideoFrame.from_ndarray(before[-1], "rgb24")))
        output.mux(stream.encode(None))
    run("--input", source, "--detections", record, "--soft", "--video-quality", "14", "--output", folder / "after.mp4")
    with open_video(folder / "after.mp4") as video:
        after = [frame.rgb for frame in video.frames(Clip())]
    gap = np.full((height, 6, 3), 255, np.uint8)
    pairs = [Image.fromarray(np.hstack([a, gap, b])) for a, b in zip(before, after, strict=True)]
    pairs[0].save(
        HERE / "splash_clip.webp", save_all=True, append_images=pairs[1:], duration=1000 // RATE, loop=0, quality=60
    )


def camera(phase: float, width: int, height: int) -> npt.NDArray[np.float64]:
    """``(2, 3)`` from the scene to the frame: once around the middle, nearer and farther; ends where it began."""
    angle = 2 * np.pi * phase
    scale = CLIP_SIZE[0] / width * (1.55 + 0.25 * np.cos(angle))
    x = width * (0.5 + 0.12 * np.cos(angle))
    y = height * (0.5 + 0.10 * np.sin(angle))
    return np.array([[scale, 0, CLIP_SIZE[0] / 2 - scale * x], [0, scale, CLIP_SIZE[1] / 2 - scale * y]])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        stills(Path(name))
        added_box(Path(name))
        clip(Path(name))
