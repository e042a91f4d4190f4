from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from vesalius.errors import CorruptFileError, InputError
from vesalius.tasks.evaluate.arms.predictions import CellPredictions, check_same, in_rank_order

TABLE = """case,slice,patient,class,logit,probability,label
a,0,1,ball,1.5,0.8,1.0
a,0,1,half,-2.0,0.1,
a,1,1,ball,0.5,0.6,0.0
a,1,1,half,0.25,0.6,1.0
b,0,,ball,0.0,0.5,0.0
b,0,,half,-1.0,0.3,0.0
"""


def read(folder, fold=None, text=TABLE, owners=None):
    folder.mkdir(exist_ok=True)
    (folder / "table.csv").write_text(text)
    return CellPredictions.read(folder, fold, owners or {})


def test_a_table_becomes_samples_by_classes(tmp_path):
    predictions = read(tmp_path / "run")
    assert predictions.classes == ("ball", "half")
    assert predictions.logits_SC.tolist() == [[1.5, -2.0], [0.5, 0.25], [0.0, -1.0]]
    np.testing.assert_array_equal(predictions.labels_SC, [[1, np.nan], [0, 1], [0, 0]])
    assert predictions.owners == (("0 1", True), ("0 1", True), ("0 b", False))


def test_where_the_patient_is_unknown_the_study_owns_the_case(tmp_path):
    predictions = read(tmp_path / "run", owners={"a": ("wrong", False), "b": ("smear 7", False)})
    assert predictions.owners == (("0 1", True), ("0 1", True), ("0 smear 7", False))


def test_patients_of_several_folds_stay_apart(tmp_path):
    whole = CellPredictions.joined([read(tmp_path / "first", 0), read(tmp_path / "second", 3)])
    assert whole.folds_S.tolist() == [0, 0, 0, 3, 3, 3]
    assert len(set(whole.owners)) == 4
    assert len(set(whole.keys)) == 6


def test_other_tables_and_other_cases_are_refused(tmp_path):
    with pytest.raises(InputError, match="is no table of a classifier"):
        read(tmp_path / "other", text="case,dice\na,0.9\n")
    changed = TABLE.replace("b,0,,ball,0.0,0.5,0.0", "b,0,,ball,0.0,0.5,1.0")
    first, same, other = (read(tmp_path / "run", text=text) for text in (TABLE, TABLE, changed))
    check_same({1: first, 2: same}, tmp_path)
    with pytest.raises(CorruptFileError, match="measured on different cases"):
        check_same({1: first, 2: other}, tmp_path)


def test_logits_of_a_softmax_are_ranked_by_their_probability(tmp_path):
    like = replace(read(tmp_path / "run"), logits_SC=np.array([[9.0, 9.0], [1, 0], [0, 2]]))
    ranked = in_rank_order(like, "softmax").logits_SC
    np.testing.assert_allclose(1 / (1 + np.exp(-ranked)), softmax(like.logits_SC, axis=1), atol=1e-12)
    assert in_rank_order(like, "sigmoid") is like
