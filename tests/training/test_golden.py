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
        3.205575, 3.327618, 3.283566, 3.280583, 3.218743,
        3.165648, 3.167276, 3.175905, 3.135751, 3.134586,
        3.122472, 3.117794, 3.106273, 3.079890, 3.078186,
        3.064852, 3.085867, 3.069787, 3.046339, 3.048299,
    ],
    "lstm muon": [
        3.205575, 3.327576, 3.286513, 3.293496, 3.234727,
        3.167607, 3.176106, 3.180498, 3.145705, 3.145365,
        3.136150, 3.131487, 3.124826, 3.103429, 3.101430,
        3.094253, 3.106781, 3.101994, 3.083247, 3.078167,
    ],
    "gru": [
        3.219638, 3.252072, 3.287131, 3.218943, 3.146849,
        3.149396, 3.130755, 3.112782, 3.093730, 3.061307,
        3.000559, 3.084296, 3.014660, 2.980257, 2.999736,
        3.026065, 2.967088, 2.986462, 2.990393, 3.005744,
    ],
    "mingru": [
        3.246751, 3.115733, 3.105782, 3.119531, 3.124543,
        2.997633, 2.943438, 3.033732, 2.966827, 2.980911,
        2.838542, 2.940139, 2.833257, 2.792356, 2.914469,
        2.877138, 2.841436, 2.799592, 2.911670, 2.848910,
    ],
    "rnn": [
        3.239101, 3.301725, 3.176652, 3.175295, 3.298051,
        3.056593, 2.951556, 3.082113, 3.043281, 2.916245,
        2.754827, 2.982568, 3.005852, 2.842250, 2.978991,
        2.933076, 2.730745, 2.902158, 2.829795, 3.057583,
    ],
    "feedforward": [
        3.275260, 3.427925, 3.121615, 3.343073, 3.153424,
        3.210487, 3.035555, 3.156919, 3.078065, 3.034513,
        3.062218, 3.095653, 3.066512, 3.050250, 3.041931,
        3.005547, 2.909419, 3.040284, 2.955312, 3.065978,
    ],
}
# fmt: on


@pytest.mark.parametrize("cell", LOSSES)
def test_twenty_updates_have_the_recorded_losses(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path, cell: str
) -> None:
    """Two layers, dropout, state resets and split windows are covered."""
    name, _, muon = cell.partition(" ")
    spec = make_spec(corpus, replace(options, cell=name, num_layers=2, dropout=0.2))
    # Values that tuning may change are fixed here.
    training = replace(
        spec.training,
        learning_rate=0.01,
        weight_decay=0.1,
        reset_probability=0.05,
        clip_norm=1.0,
        threads=1,
        muon=bool(muon),
    )
    folder = RunFolder.create(tmp_path / "run", "story", overwrite=False)
    records = list(Trainer(replace(spec, training=training), folder).run())
    losses = [record.loss for record in records if isinstance(record, Step)]
    # Other processors sum the products of a matrix multiplication in another order.
    assert losses == pytest.approx(LOSSES[cell], rel=1e-4)
