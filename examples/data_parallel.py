"""One network trained by several processes, each on its own rows.

    OMP_NUM_THREADS=1 torchrun --standalone --nproc_per_node 2 examples/data_parallel.py

Gradients are averaged over the processes before every step, so their weights stay equal, and a step
learns from the rows of all of them. Conditions:

- all begin with one network: here fitted on the same few rows with the same ``random_state``, which
  also gives one standardization; ``warm_start`` goes on from it;
- all have the same number of rows, so that they take as many steps;
- ``validation_fraction=None``: each would choose another best epoch on its own held-out rows;
- a step of n processes has n times ``batch_size`` rows, without weights, or with weights whose sums
  are alike.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback
from torch import distributed

from sklearn_setpred import NeuralClassifier


class AverageGradients(Callback):
    """Replace every gradient by its mean over the processes."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Wait for the gradients of all processes, between the backward pass and the step."""
        for _, weight in named_parameters:
            distributed.all_reduce(weight.grad)
            weight.grad /= distributed.get_world_size()


def main():
    distributed.init_process_group("gloo")  # "nccl" for a GPU each
    rank, n_processes = distributed.get_rank(), distributed.get_world_size()
    X, X_new, y, y_new = train_test_split(*load_digits(return_X_y=True), random_state=0)
    model = NeuralClassifier(max_epochs=1, validation_fraction=None, random_state=0)
    model.fit(X[:300], y[:300])
    before = model.score(X_new, y_new)

    mine = np.arange(rank, len(y) - len(y) % n_processes, n_processes)
    model.set_params(max_epochs=10, batch_size=32, warm_start=True)
    model.set_params(callbacks=[AverageGradients()]).fit(X[mine], y[mine])

    weights = [None] * n_processes
    distributed.all_gather_object(weights, model.net_.weights())
    if rank == 0:
        print(f"accuracy: {before:.3f}, then {model.score(X_new, y_new):.3f}")
        equal = [all(np.array_equal(w[k], weights[0][k]) for k in w) for w in weights]
        print(f"equal weights in {sum(equal)} of {n_processes} processes")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
