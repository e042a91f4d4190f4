import numpy as np
import torch

from tasks.detect.tiny import random_studies
from vesalius.nets.study import StudyHead
from vesalius.tasks.detect.infer import logits, tensors


def test_batches_change_nothing():
    studies = random_studies(11, ragged=True)
    torch.manual_seed(0)
    net = StudyHead.build(inputs=4, outputs=2, hidden=8, aggregate={"name": "gru", "hidden": 4}).make().eval()
    found = logits(net, studies, batch=3)
    for number, rows in enumerate(studies.rows):
        x = torch.from_numpy(studies.vectors.rows_ND[rows])[None]
        with torch.no_grad():
            study, slices = net(x, torch.ones(1, len(rows), dtype=torch.bool))
        np.testing.assert_allclose(found.study_SC[number], study[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(found.slices[number], slices[0].numpy(), atol=1e-5)


def test_tensors_of_a_batch():
    given = tensors(random_studies(3).batch([0, 2]))
    assert given["x"].shape == (2, 1, 4)
    assert given["there"].dtype == torch.bool
