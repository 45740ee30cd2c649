"""Writes the other files of this folder with the reference implementations.

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
np.save("c_order.npy", tensors["w"])
np.save("fortran_order.npy", np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)))
np.save("scalar.npy", tensors["step"])
np.save("bools.npy", tensors["mask"])
with open("version_2.npy", "wb") as file:
    np.lib.format.write_array(file, tensors["b/ä"], (2, 0))
with open("version_3.npy", "wb") as file:
    np.lib.format.write_array(file, tensors["empty"], (3, 0))
