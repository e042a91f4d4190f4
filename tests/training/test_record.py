import json

import pytest

from vesalius.errors import CorruptFileError, OutputError
from vesalius.training.record import METRICS, Record, read_record


def test_later_lines_and_half_lines_go(tmp_path):
    record = Record(tmp_path)
    for step in (1, 2, 3):
        record.add({"step": step, "loss": float("nan") if step == 2 else 0.1})
    record.close()
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 4, "lo')
    assert [row["step"] for row in read_record(tmp_path)] == [1, 2, 3]
    record = Record(tmp_path, step=2)
    record.add({"step": 3, "loss": 5})
    record.close()
    assert [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()] == [
        {"step": 1, "loss": 0.1},
        {"step": 2, "loss": None},
        {"step": 3, "loss": 5},
    ]


@pytest.mark.parametrize("damage", [b"garbage", b"[1]", b"{}", b"\xff\xfe", b'{"step": "a"}', b"\x00\x00", b""])
def test_a_damaged_line_is_told_by_its_number(tmp_path, damage):
    (tmp_path / METRICS).write_bytes(b'{"step": 1}\n' + damage + b'\n{"step": 2}\n')
    with pytest.raises(CorruptFileError, match=r"metrics.jsonl: line 2: is "):
        list(read_record(tmp_path))
    with pytest.raises(CorruptFileError, match="line 2"):
        Record(tmp_path)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    record = Record(tmp_path)

    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    record.close()
    monkeypatch.setattr(record, "_file", Full())
    with pytest.raises(OutputError, match=r"No space left on device\); make room and pass --resume"):
        record.add({"step": 1})
