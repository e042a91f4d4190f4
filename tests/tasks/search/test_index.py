import subprocess
import sys

import numpy as np
import pytest

from tasks.encode.small_store import fill_store, make_cases, make_store
from vesalius.errors import CorruptFileError, MissingExtraError
from vesalius.tasks.encode.collection import Collection, write_cases
from vesalius.tasks.search.index import PREFIX, CaseIndex


def test_a_missing_package_is_one_line(tmp_path, monkeypatch):
    collection = make_store(tmp_path / "store", 4)
    monkeypatch.setattr("vesalius.tasks.search.index.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs LanceDB, .*pip install 'vesalius\[search\]'"):
        CaseIndex.of(collection)


class TestIndex:
    @pytest.fixture(autouse=True)
    def _lancedb(self):
        pytest.importorskip("lancedb", reason="needs vesalius[search]")

    def folders(self, collection):
        return sorted(path.name for path in collection.folder.glob(f"{PREFIX}*"))

    @pytest.mark.parametrize("rows", [1, 3])
    def test_equals_a_search_by_hand(self, tmp_path, rows):
        collection = make_store(tmp_path / "store", 40, rows=rows)
        index = CaseIndex.of(collection)
        vectors_ND, patients = collection.vectors().astype(float), collection.patient_numbers()
        for number in (0, 7, 39):
            ranked = sorted((float(vectors_ND[n] @ vectors_ND[number]), n) for n in range(40) if n != number)[::-1]
            nearest = index.nearest(collection.vectors()[number], 6, case=number)
            assert [hit.number for hit in nearest] == [n for _, n in ranked[:6]]
            np.testing.assert_allclose([hit.similarity for hit in nearest], [c for c, _ in ranked[:6]], atol=1e-5)
            if patients[number] is None:
                continue
            nearest = index.nearest(collection.vectors()[number], 39, case=number, patient=patients[number])
            assert [hit.number for hit in nearest] == [n for _, n in ranked if patients[n] != patients[number]]
            assert len(nearest) == 38

    def test_it_is_the_work_of_lancedb_and_stays(self, tmp_path, monkeypatch):
        collection = make_store(tmp_path / "store")
        assert CaseIndex.of(collection).is_new
        assert (collection.folder / self.folders(collection)[0] / "cases.lance").is_dir()
        monkeypatch.setattr(Collection, "vectors", lambda self: pytest.fail("the index is there"))
        again = CaseIndex.of(Collection.open(collection.folder))
        assert not again.is_new
        assert type(again._table).__module__.startswith("lancedb")

    def test_added_rows_make_a_new_one(self, tmp_path):
        collection = make_store(tmp_path / "store")
        CaseIndex.of(collection)
        (before,) = self.folders(collection)
        more = make_cases(tmp_path / "store" / "pictures", 3, first=12)
        keys = {f"c{n}": f"{n:064x}" for n in range(15)}
        fill_store(collection.store, {name: keys[name] for name in ("c12", "c13", "c14")})
        cases = (*make_cases(tmp_path / "store" / "pictures", 12), *more)
        write_cases(type(more)(cases, more.root), keys, collection.folder)
        grown = Collection.open(collection.folder)
        index = CaseIndex.of(grown)
        assert index.is_new
        assert self.folders(grown) != [before]
        assert len(self.folders(grown)) == 1
        assert {hit.number for hit in index.nearest(grown.vectors()[0], 99)} == set(range(15))

    def test_a_damaged_one_is_one_line(self, tmp_path):
        collection = make_store(tmp_path / "store")
        CaseIndex.of(collection)
        (name,) = self.folders(collection)
        for path in sorted((collection.folder / name).rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        with pytest.raises(CorruptFileError, match="is a damaged index; remove this folder"):
            CaseIndex.of(collection)

    def test_importing_it_loads_no_torch(self, tmp_path):
        code = (
            "import sys, vesalius.tasks.search.run; assert 'torch' not in sys.modules and 'lancedb' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
