"""Make the ``reference_CASE.npz`` beside this file by matterport's own code.

Run ``python -m tests.matterport.make_reference [CASE ...]`` at the top of the checkout, in a Python 3.7 with

    tensorflow==1.15.5 keras==2.2.5 h5py==2.10.0 numpy==1.18.5 protobuf==3.20.3 scikit-image==0.18.3 scipy==1.7.3
    mrcnn-tf115==0.0.2 (with --no-deps; it holds the folder mrcnn/ of matterport/Mask_RCNN at commit 3deaec5)

For each case a network gets the weights of ``seeded.py``. Where the case says so, its last layers are trained for some
steps on drawn shapes, by matterport's own losses; these layers are stored, in half precision. Then one picture goes
through ``detect()``, and what every stage computes is stored, large tensors as a sample of their numbers.
"""

import os
import sys
import tempfile

import numpy as np

from tests.matterport.seeded import TRAINED, seeded

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = 1500

#: depth, classes, IMAGE_RESIZE_MODE, IMAGE_MIN_DIM, IMAGE_MAX_DIM, height and width of the picture, training steps.
CASES = {
    "square": (50, 1, "square", 128, 192, (150, 110), 60),
    "pad64": (50, 3, "pad64", 128, 256, (100, 170), 80),
    "deep": (101, 2, "square", 128, 128, (128, 90), 0),
}


def figure(random, height, width, num_classes):
    """A picture of discs, squares and triangles, their masks and classes."""
    noise = random.randint(0, 30, (height, width, 3))
    image = (np.array(random.randint(60, 130, 3)) + noise).astype(np.uint8)
    rows, columns = np.mgrid[:height, :width]
    masks, classes = [], []
    for _ in range(random.randint(2, 5)):
        size = random.randint(12, min(height, width) // 3)
        y, x = random.randint(size, height - size), random.randint(size, width - size)
        kind = random.randint(0, num_classes)
        down, right = rows - y, columns - x
        mask = (
            down**2 + right**2 < size**2,
            (abs(down) < size) & (abs(right) < size),
            (abs(right) * 2 < down + size) & (abs(down) < size),
        )[kind]
        image[mask] = random.randint(0, 255, 3)
        for before in masks:
            before &= ~mask
        masks.append(mask)
        classes.append(kind + 1)
    seen = [i for i, mask in enumerate(masks) if mask.sum() > 50]
    return image, np.stack([masks[i] for i in seen], -1), np.array([classes[i] for i in seen], np.int32)


def configuration(config, name, training):
    depth, num_classes, mode, min_dim, max_dim, _, _ = CASES[name]

    class Case(config.Config):
        NAME = name
        BACKBONE = "resnet%d" % depth
        NUM_CLASSES = 1 + num_classes
        IMAGES_PER_GPU = 1
        IMAGE_RESIZE_MODE = "square" if training else mode
        IMAGE_MIN_DIM, IMAGE_MAX_DIM = min_dim, max_dim
        RPN_ANCHOR_SCALES = (16, 32, 64, 96, 128)
        POST_NMS_ROIS_INFERENCE = 100
        DETECTION_MIN_CONFIDENCE = 0.3 if name == "square" else 0.0
        DETECTION_MAX_INSTANCES = 20
        USE_MINI_MASK = False
        TRAIN_ROIS_PER_IMAGE, POST_NMS_ROIS_TRAINING = 24, 200

    return Case()


def weighted_layers(model):
    """Layers with weights, those of the RPN's own model, too; a TimeDistributed one by its own name."""
    for layer in model.layers:
        for inner in layer.layers if hasattr(layer, "layers") else [layer]:
            if inner.weights:
                yield inner


def initialise(model):
    """Set all weights in one go: TensorFlow looks through its whole graph at each call."""
    from keras import backend

    pairs = []
    for layer in weighted_layers(model):
        for weight in layer.weights:
            array = weight.name.split("/")[-1].split(":")[0]
            pairs.append((weight, seeded(layer.name, array, weight.shape.as_list())))
    backend.batch_set_value(pairs)


def train(M, config, utils, name, folder):
    """Train the last layers by matterport's own losses and targets; the file of weights."""
    steps = CASES[name][-1]
    settings = configuration(config, name, training=True)

    class Shapes(utils.Dataset):
        def load_image(self, image_id):
            return self.drawn[image_id][0]

        def load_mask(self, image_id):
            return self.drawn[image_id][1:]

    shapes = Shapes()
    for kind in range(CASES[name][1]):
        shapes.add_class("shapes", kind + 1, "kind%d" % kind)
    random = np.random.RandomState(1)
    shapes.drawn = [figure(random, 128, 128, CASES[name][1]) for _ in range(60)]
    for index in range(len(shapes.drawn)):
        shapes.add_image("shapes", index, None)
    shapes.prepare()
    model = M.MaskRCNN("training", settings, folder)
    initialise(model.keras_model)
    model.set_trainable("|".join(TRAINED), verbose=0)
    model.compile(0.002, 0.9)
    batches = M.data_generator(shapes, settings, shuffle=True, batch_size=1)
    for step in range(steps):
        inputs, outputs = next(batches)
        loss = model.keras_model.train_on_batch(inputs, outputs)
        if step % 25 == 0 or step == steps - 1:
            print(name, step, ["%.2f" % each for each in loss], flush=True)
    model.set_trainable(
        ".*", verbose=0
    )  # Keras writes the RPN's frozen arrays behind the others, and reads by position
    path = os.path.join(folder, name + ".h5")
    model.keras_model.save_weights(path)
    return path


def sample(found, name, values):
    """Store a tensor, or a sample of its numbers where there are many."""
    found["shape:" + name] = np.array(values.shape)
    if values.size > 2 * SAMPLE:
        index = np.random.RandomState(0).randint(0, values.size, SAMPLE)
        values = values.ravel()[index]
    found[name] = values


def run(M, config, name, trained, folder):
    """Return all that is stored of one case."""
    settings = configuration(config, name, training=False)
    model = M.MaskRCNN("inference", settings, folder)
    keras_model = model.keras_model
    initialise(keras_model)
    found = {}
    if trained:
        model.load_weights(trained, by_name=True)
        for layer in weighted_layers(keras_model):
            if layer.name in TRAINED:
                halves = [w.astype(np.float16) for w in layer.get_weights()]
                found["weights:" + layer.name + "/kernel"], found["weights:" + layer.name + "/bias"] = halves
                layer.set_weights([w.astype(np.float32) for w in halves])
    image, _, _ = figure(np.random.RandomState(3), *CASES[name][5], num_classes=CASES[name][1])
    molded, metas, windows = model.mold_inputs([image])
    anchors = model.get_anchors(molded[0].shape)
    top, left, bottom, right = windows[0]
    found["image"] = image
    found["resized"] = np.round(molded[0] + settings.MEAN_PIXEL)[top:bottom, left:right].astype(np.uint8)
    found["window"] = windows[0]
    found["canvas"] = np.array(molded[0].shape[:2])
    last = {50: "res4f_out", 101: "res4w_out"}[CASES[name][0]]
    stages = ["res2c_out", "res3d_out", last, "res5c_out", "fpn_p2", "fpn_p3", "fpn_p4", "fpn_p5", "fpn_p6"]
    stages += ["ROI", "roi_align_classifier", "mrcnn_class_logits", "mrcnn_class", "mrcnn_bbox", "mrcnn_detection"]
    stages += ["roi_align_mask", "mrcnn_mask"]
    outputs = [keras_model.get_layer(each).output for each in stages]
    probe = M.KM.Model(keras_model.inputs, outputs + keras_model.outputs[5:7])
    values = probe.predict([molded, metas, np.broadcast_to(anchors, (1,) + anchors.shape)])
    for stage, value in zip(stages + ["rpn_class", "rpn_bbox"], values):
        stage = stage.replace(last, "res4_out")
        if stage in ("ROI", "mrcnn_detection", "mrcnn_class", "mrcnn_bbox", "mrcnn_class_logits"):
            found[stage] = value[0]
        else:
            sample(found, stage, value[0])
    found["anchors"] = model.anchors[:: max(1, len(model.anchors) // 500)]
    result = model.detect([image])[0]
    for key in ("rois", "class_ids", "scores"):
        found["result:" + key] = result[key]
    found["result:masks"] = np.packbits(result["masks"].astype(np.uint8))
    print(name, "found", [(c, "%.4f" % s) for c, s in zip(result["class_ids"], result["scores"])], flush=True)
    return found


def main(names):
    import h5py
    import keras
    import skimage
    import tensorflow
    from mrcnn import config, utils
    from mrcnn import model as M

    versions = "python %s, tensorflow %s, keras %s, numpy %s, h5py %s, scikit-image %s, mrcnn-tf115 0.0.2" % (
        sys.version.split()[0], tensorflow.__version__, keras.__version__, np.__version__, h5py.__version__,
        skimage.__version__,
    )  # fmt: skip
    print(versions)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            trained = train(M, config, utils, name, folder) if CASES[name][-1] else None
            keras.backend.clear_session()
            found = run(M, config, name, trained, folder)
            keras.backend.clear_session()
        np.savez_compressed(os.path.join(HERE, "reference_%s.npz" % name), versions=versions, **found)


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(CASES))
