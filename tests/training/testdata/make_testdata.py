"""Writes python.safetensors here, and .npy files to ../data/testdata, with the reference implementations.

pip install numpy safetensors
"""

import numpy as np
from safetensors.numpy import save_file

tensors = {
    "w": np.array([[1.5, -2.0, 0.0], [np.inf, -0.0, 1e-45]], np.float32),
    "b/ä": np.array([1 / 3, 5e-324], np.float64),
    "step": np.array(2**62 + 1, np.int64),
    "ids": np.array([[-1], [2**31 - 1]], np.int32),
    "mask": np.array([True, False, True]),
    "empty": np.zeros((0, 4), np.float32),
}
save_file(tensors, "python.safetensors", {"format": 'say "np"\n'})
np.save("../data/testdata/c_order.npy", tensors["w"])
np.save("../data/testdata/fortran_order.npy", np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)))
np.save("../data/testdata/scalar.npy", tensors["step"])
np.save("../data/testdata/bools.npy", tensors["mask"])
with open("../data/testdata/version_2.npy", "wb") as file:
    np.lib.format.write_array(file, tensors["b/ä"], (2, 0))
with open("../data/testdata/version_3.npy", "wb") as file:
    np.lib.format.write_array(file, tensors["empty"], (3, 0))
arrays = {
    "x": np.array([[0.5, -1.5], [2.0, 3.25], [-0.0, 1e-45]], np.float32),
    "label": np.array([2, 0, 1], np.int64),
    "pixels": np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
    "columns": np.asfortranarray(np.arange(24, dtype=np.int16).reshape(3, 2, 4)),
    "mask": np.array([True, False, True]),
}
np.savez("../data/testdata/stored.npz", **arrays)
np.savez_compressed("../data/testdata/deflated.npz", **arrays)
