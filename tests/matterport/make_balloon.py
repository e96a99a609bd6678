"""Train matterport's own Mask R-CNN on the balloon photos, as the article "Splash of Color" did, on a CPU.

    v37/bin/python tests/matterport/make_balloon.py DIR R-50.npz old_balloon.h5 --steps 400 800

in a Python 3.7 with the packages that make_reference.py beside this file lists. DIR is the balloon dataset. R-50.npz
holds Detectron2's ``R-50`` for an ImageNet backbone, since COCO's weights, the article's start, are another download:

    python -c "import numpy, torch; numpy.savez('R-50.npz', **torch.load('R-50.pth')['model'])"

The settings are those of ``samples/balloon/balloon.py``, except where :class:`Balloons` says otherwise. It ends if the
same number of steps was done before; a run that was stopped goes on.
"""

import argparse
import json
import os
import time

import numpy as np
import skimage.draw
import skimage.io
from mrcnn import config, utils
from mrcnn import model as M

STAGES = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}


class Balloons(config.Config):
    NAME = "balloon"
    BACKBONE = "resnet50"
    NUM_CLASSES = 2
    IMAGES_PER_GPU = 1  # of 2: for memory
    IMAGE_MIN_DIM, IMAGE_MAX_DIM = 512, 512  # of 800 and 1024: for time
    RPN_ANCHOR_SCALES = (16, 32, 64, 128, 256)
    TRAIN_ROIS_PER_IMAGE = 100  # of 200: for time
    DETECTION_MIN_CONFIDENCE = 0.9


class Photos(utils.Dataset):
    """The photos of a split, with the polygons of VIA 1 or 2."""

    def __init__(self, folder):
        super().__init__()
        self.add_class("balloon", 1, "balloon")
        with open(os.path.join(folder, "via_region_data.json")) as file:
            entries = [entry for entry in json.load(file).values() if entry["regions"]]
        for entry in entries:
            regions = entry["regions"]
            regions = regions.values() if isinstance(regions, dict) else regions
            path = os.path.join(folder, entry["filename"])
            height, width = skimage.io.imread(path).shape[:2]
            shapes = [region["shape_attributes"] for region in regions]
            self.add_image("balloon", entry["filename"], path, height=height, width=width, shapes=shapes)
        self.prepare()

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        masks = np.zeros((info["height"], info["width"], len(info["shapes"])), bool)
        for index, shape in enumerate(info["shapes"]):
            rows, columns = skimage.draw.polygon(shape["all_points_y"], shape["all_points_x"], masks.shape[:2])
            masks[rows, columns, index] = True
        return masks, np.ones(masks.shape[-1], np.int32)


def backbone(path):
    """Arrays of Keras' layers from Detectron2's ResNet-50, by (layer, array)."""
    found = np.load(path)
    pairs = {("conv1", "bn_conv1"): "stem.conv1"}
    for stage, blocks in STAGES.items():
        for number, block in enumerate(blocks):
            names = {"2a": "conv1", "2b": "conv2", "2c": "conv3", "1": "shortcut"}
            for branch, name in names.items():
                if branch != "1" or number == 0:
                    place = "%d%s_branch%s" % (stage, block, branch)
                    pairs["res" + place, "bn" + place] = "res%d.%d.%s" % (stage, number, name)
    arrays = {}
    for (convolution, norm), name in pairs.items():
        kernel = found[name + ".weight"].transpose(2, 3, 1, 0)
        arrays[convolution, "kernel"] = kernel[:, :, ::-1] if name == "stem.conv1" else kernel  # BGR to RGB
        arrays[convolution, "bias"] = np.zeros(kernel.shape[-1], np.float32)
        mean, variance = found[name + ".norm.running_mean"], found[name + ".norm.running_var"]
        scale = np.sqrt((variance + 1e-3) / (variance + 1e-5))  # Keras adds another epsilon
        arrays[norm, "gamma"], arrays[norm, "beta"] = found[name + ".norm.weight"] * scale, found[name + ".norm.bias"]
        arrays[norm, "moving_mean"], arrays[norm, "moving_variance"] = mean, variance
    return arrays


def initialise(model, arrays):
    """Set the backbone's weights in one go: TensorFlow looks through its whole graph at each call."""
    from keras import backend

    pairs = []
    for layer in model.layers:
        for weight in layer.weights:
            key = layer.name, weight.name.split("/")[-1].split(":")[0]
            if key in arrays:
                pairs.append((weight, arrays.pop(key)))
    assert not arrays, "not found: %s" % sorted(arrays)[:3]
    backend.batch_set_value(pairs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("backbone")
    parser.add_argument("output")
    parser.add_argument("--steps", type=int, nargs=2, default=[400, 800], help="of the heads, and of all layers")
    args = parser.parse_args()
    settings, photos = Balloons(), Photos(os.path.join(args.dataset, "train"))
    model = M.MaskRCNN("training", settings, os.path.dirname(os.path.abspath(args.output)))
    done = 0
    if os.path.exists(args.output + ".steps"):
        with open(args.output + ".steps") as file:
            done = int(file.read())
        model.load_weights(args.output, by_name=True)
    else:
        initialise(model.keras_model, backbone(args.backbone))
    heads, whole = args.steps
    for layers, rate, end in (
        ("heads", 0.002, heads),
        ("4+", 0.002, heads + whole * 2 // 3),
        ("4+", 0.0004, heads + whole),
    ):
        if done < end:
            train(model, photos, layers, rate, range(done, end), args.output)
            done = end


def train(model, photos, layers, rate, steps, output):
    """Train some layers, and save the weights every 100 steps."""
    groups = {
        "heads": r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
        "4+": r"(res4.*)|(bn4.*)|(res5.*)|(bn5.*)|(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)",
    }
    model.set_trainable(groups[layers], verbose=0)
    model.compile(rate, model.config.LEARNING_MOMENTUM)
    batches = M.data_generator(photos, model.config, shuffle=True, batch_size=1)
    began, losses = time.time(), []
    for step in steps:
        losses.append(model.keras_model.train_on_batch(*next(batches))[0])
        if (step + 1) % 100 == 0 or step + 1 == steps.stop:
            spent = (time.time() - began) / len(losses)
            print("%s %d: loss %.2f, %.1f s a step" % (layers, step + 1, np.mean(losses[-100:]), spent), flush=True)
            # Keras writes frozen arrays of the RPN behind the others, and reads by position.
            model.set_trainable(".*", verbose=0)
            model.keras_model.save_weights(output)
            model.set_trainable(groups[layers], verbose=0)
            with open(output + ".steps", "w") as file:
                file.write(str(step + 1))


if __name__ == "__main__":
    main()
