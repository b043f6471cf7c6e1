"""The losses of twenty updates, which a refactoring must not change."""

from dataclasses import replace
from pathlib import Path

import pytest

from chargen.text.corpus import Corpus
from chargen.training.folder import RunFolder
from chargen.training.options import TrainingOptions
from chargen.training.records import Step
from chargen.training.spec import make_spec
from chargen.training.trainer import Trainer

# fmt: off
LOSSES = {
    "lstm": [
        3.228513, 3.271539, 3.270974, 3.302585, 3.178174,
        3.208288, 3.196112, 3.157099, 3.142879, 3.100044,
        3.122999, 3.097462, 3.151677, 3.042664, 3.067430,
        3.063519, 3.048448, 3.082791, 2.995559, 3.082885,
    ],
    "gru": [
        3.207519, 3.289456, 3.229862, 3.281582, 3.088690,
        3.243030, 3.091285, 3.028145, 3.103110, 3.026157,
        3.152093, 2.862152, 3.077525, 2.938644, 3.059935,
        3.010780, 2.805040, 3.057566, 2.906507, 3.124072,
    ],
    "mingru": [
        3.161550, 3.295929, 3.182065, 2.986962, 3.101862,
        3.344363, 2.972538, 2.916754, 3.091191, 2.913967,
        3.100895, 2.737336, 3.009183, 2.679880, 3.017892,
        2.785178, 2.654504, 2.933524, 2.794944, 3.080237,
    ],
    "rnn": [
        3.265343, 3.160554, 3.200752, 3.421816, 2.952444,
        3.319974, 3.132571, 3.151214, 3.055458, 2.927322,
        3.093893, 2.955576, 3.092847, 2.903580, 2.908807,
        3.018257, 2.918852, 2.996035, 2.704798, 3.130668,
    ],
    "feedforward": [
        3.322408, 3.338617, 3.114621, 3.299429, 3.114774,
        3.227010, 3.119866, 3.157607, 3.067136, 3.033221,
        3.077784, 3.100214, 3.149988, 2.984004, 2.958096,
        3.016552, 2.989990, 3.094559, 2.912105, 3.108988,
    ],
}
# fmt: on


@pytest.mark.parametrize("cell", LOSSES)
def test_twenty_updates_have_the_recorded_losses(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path, cell: str
) -> None:
    """Two layers, dropout, state resets and split windows are covered."""
    spec = make_spec(corpus, replace(options, cell=cell, num_layers=2, dropout=0.2))
    # Values that tuning may change are fixed here.
    training = replace(
        spec.training,
        learning_rate=0.01,
        weight_decay=0.1,
        reset_probability=0.05,
        clip_norm=1.0,
        threads=1,
    )
    folder = RunFolder.create(tmp_path / "run", "story", overwrite=False)
    records = list(Trainer(replace(spec, training=training), folder).run())
    losses = [record.loss for record in records if isinstance(record, Step)]
    # Other processors sum the products of a matrix multiplication in another order.
    assert losses == pytest.approx(LOSSES[cell], rel=1e-4)
