"""Make `remedis.zip`: a narrow BiT (arXiv:1912.11370) as TensorFlow saves it, with what TensorFlow computes by it.

It has the form of the published REMEDIS models: TensorFlow 2, variables with Google's names, pictures from 0 to 1 that
become -1 to 1 inside, a map of features as result. The checkpoint has several shards. Its numbers are multiples of 1/8,
so that the archive is small. TensorFlow alone is needed, in an environment of its own; 2.21.0 wrote the file:

    python make_remedis.py remedis.zip
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf

UNITS, WIDTH, GROUPS = (2, 2, 1, 1), 8, 8
SIDE = 64


class Narrow(tf.Module):
    """ResNet-v2 with standardized kernels and group norms, written after the paper."""

    def __init__(self):
        super().__init__()
        self.draw = np.random.default_rng(14)
        self.vars = []
        self.root = self.kernel("resnet/root_block", 7, 3, WIDTH)
        self.units, before = [], WIDTH
        for block, count in enumerate(UNITS):
            width = WIDTH << block
            for unit in range(count):
                place = f"resnet/block{block + 1}/unit{unit + 1:02d}"
                a, b, c = ((self.norm(f"{place}/{x}", n)) for x, n in (("a", before), ("b", width), ("c", width)))
                ka = self.kernel(f"{place}/a", 1, before, width)
                kb = self.kernel(f"{place}/b", 3, width, width)
                kc = self.kernel(f"{place}/c", 1, width, 4 * width)
                proj = self.kernel(f"{place}/a/proj", 1, before, 4 * width) if unit == 0 else None
                self.units.append(((a, b, c), (ka, kb, kc), proj, 2 if block and not unit else 1))
                before = 4 * width
        self.last = self.norm("resnet", before)
        self.step = tf.Variable(7, dtype=tf.int64, name="global_step", trainable=False)
        self.vars.append(self.step)

    def variable(self, name, array):
        self.vars.append(tf.Variable(array.astype(np.float32), name=name))
        return self.vars[-1]

    def kernel(self, place, side, before, after):
        array = np.round(self.draw.normal(0, 4, (side, side, before, after))) / 8
        return self.variable(f"{place}/standardized_conv2d/kernel", array)

    def norm(self, place, width):
        gamma = 1 + np.round(self.draw.normal(0, 2, width)) / 8
        beta = np.round(self.draw.normal(0, 2, width)) / 8
        return tuple(self.variable(f"{place}/group_norm/{n}", x) for n, x in (("gamma", gamma), ("beta", beta)))

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)])
    def __call__(self, images):
        x = conv(padded(2 * images - 1, 3), self.root, 2)
        x = tf.nn.max_pool2d(padded(x, 1), 3, 2, "VALID")
        for (a, b, c), (ka, kb, kc), proj, stride in self.units:
            y = normed(x, *a)
            shortcut = x if proj is None else conv(y, proj, stride)
            y = conv(padded(normed(conv(y, ka), *b), 1), kb, stride)
            x = shortcut + conv(normed(y, *c), kc)
        return normed(x, *self.last)


def padded(x, by):
    return tf.pad(x, [[0, 0], [by, by], [by, by], [0, 0]])


def conv(x, kernel, stride=1):
    mean, variance = tf.nn.moments(kernel, [0, 1, 2], keepdims=True)
    return tf.nn.conv2d(x, (kernel - mean) / tf.sqrt(variance + 1e-10), stride, "VALID")


def normed(x, gamma, beta):
    shape = tf.shape(x)
    grouped = tf.reshape(x, [shape[0], shape[1], shape[2], GROUPS, -1])
    mean, variance = tf.nn.moments(grouped, [1, 2, 4], keepdims=True)
    return tf.nn.relu(tf.reshape((grouped - mean) / tf.sqrt(variance + 1e-5), shape) * gamma + beta)


def main(target):
    net = Narrow()
    with tempfile.TemporaryDirectory() as folder:
        policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size=150_000)
        tf.saved_model.save(net, folder, options=tf.saved_model.SaveOptions(experimental_sharding_callback=policy))
        images = np.round(np.random.default_rng(15).random((1, SIDE, SIDE, 3)) * 16) / 16
        features = net(tf.constant(images, tf.float32)).numpy()
        np.savez(
            Path(folder) / "expected.npz",
            images=images.astype(np.float16),
            features=features,
            **{variable.name.removesuffix(":0"): (variable.numpy() * 8).astype(np.int8) for variable in net.vars},
        )
        with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file() and path.name not in ("saved_model.pb", "fingerprint.pb"):
                    archive.write(path, path.relative_to(folder))


if __name__ == "__main__":
    main(sys.argv[1])
