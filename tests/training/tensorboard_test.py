"""TensorBoard's own reader reads what write_events wrote: tensorboard_test.py WRITE_EVENTS.

Not run by `bazel test //...`, for it needs `pip install tensorboard`:

  bazel test //tests/training:tensorboard_test --test_env=PYTHON=/path/of/venv/bin/python3
"""
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing import event_accumulator

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    events = event_accumulator.EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["loss", "not finite", "test/accuracy"], events.Tags()

    losses = events.Scalars("loss")
    assert [e.step for e in losses] == [i * 10 for i in range(1000)]
    assert [e.value for e in losses] == [2.0 ** -(i // 64) for i in range(1000)]
    assert [e.wall_time for e in losses] == [1.7e9 + i for i in range(1000)]

    accuracies = events.Scalars("test/accuracy")
    assert [e.step for e in accuracies] == list(range(0, 10000, 1000))
    assert all(abs(e.value - e.step / 10000) < 1e-7 for e in accuracies)
    assert events.Scalars("not finite")[0].value == float("inf")
    assert events.file_version == 2.0, events.file_version
