import json

import pytest
from pydantic import Field, field_validator, model_validator

from vesalius.config import Config, from_overrides, load_config, read_table
from vesalius.errors import ConfigError


class Optimizer(Config):
    lr: float = Field(default=1e-3, gt=0)
    warm_up: int = 5


class Span(Config):
    first: int = 0
    last: int = 9

    @field_validator("last")
    @classmethod
    def _is_odd(cls, last: int) -> int:
        if last % 2 == 0:
            raise ValueError("take an odd LAST")
        return last

    @model_validator(mode="after")
    def _rises(self) -> "Span":
        if self.first > self.last:
            raise ValueError("give a FIRST that is not above span.last=LAST")
        return self


class Train(Config):
    name: str
    span: Span = Span()
    epochs: int = Field(default=3, ge=1)
    optimizer: Optimizer = Optimizer()
    tags: tuple[str, ...] = ()


def load(tmp_path, text, *overrides, name="train.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_config(Train, path, overrides)


def test_yaml_is_read(tmp_path):
    config = load(tmp_path, "name: a  # why\noptimizer:\n  lr: 0.5\ntags: [x, y]\n")
    assert config == Train(name="a", optimizer=Optimizer(lr=0.5), tags=("x", "y"))


JSON = """
{  // a comment with a "quote
\t"name": "http://no-comment // here # nor here \\" nor \\\\",\t# it's a comment
\t"optimizer": {"lr": 1e-3}, // the last
\t"tags": ["a\\tb", "c"]
}
"""


def test_json_with_comments_and_tabs_is_read(tmp_path):
    config = load(tmp_path, JSON, name="train.json")
    assert config.name == 'http://no-comment // here # nor here " nor \\'
    assert config.optimizer.lr == 0.001
    assert config.tags == ("a\tb", "c")


def test_plain_json_is_read_as_json_reads_it(tmp_path):
    facts = {
        "name": "\u00e9 \n \"'",
        "epochs": 7,
        "optimizer": {"lr": 2.5e-7, "warm_up": 0},
        "tags": ["", "null", "yes"],
    }
    for indent in (None, 2, "\t"):
        config = load(tmp_path, json.dumps(facts, indent=indent), name="train.json")
        assert json.loads(config.model_dump_json(exclude={"span"})) == facts


def test_an_empty_file_gives_the_defaults(tmp_path):
    path = tmp_path / "o.yaml"
    path.write_text("# nothing\n")
    assert load_config(Optimizer, path) == Optimizer()


def test_overrides_win(tmp_path):
    config = load(tmp_path, "name: a\n", "optimizer.lr=0.25", "epochs=9", "tags=[p, q]", "name=b=c")
    assert config == Train(name="b=c", epochs=9, optimizer=Optimizer(lr=0.25), tags=("p", "q"))


WRONG = [
    ("name: a\nepoch: 3\n", (), "epoch: no such key; did you mean 'epochs'?"),
    ("name: a\noptimizer: {warmup: 3}\n", (), "optimizer.warmup: no such key; did you mean 'warm_up'?"),
    ("name: a\n", ("optimiser.lr=1",), "optimiser: no such key; did you mean 'optimizer'?"),
    ("epochs: 3\n", (), "name: is required and missing"),
    ("name: a\nepochs: many\n", (), "epochs: 'many' was given: input should be a valid integer"),
    ("name: a\nepochs: 0\n", (), "epochs: 0 was given: input should be greater than or equal to 1"),
    ("name: a\n", ("optimizer.lr=-1",), "optimizer.lr: -1 was given: input should be greater than 0"),
    ("name: a\noptimizer: 5\n", (), "optimizer: 5 was given"),
    ("name: a\n7: 5\n", (), "7"),
    ("name: a\nspan: {first: 11}\n", (), "train.yaml: span: give a FIRST that is not above span.last=LAST"),
    ("name: a\nspan: {last: 4}\n", (), "span.last: 4 was given: take an odd LAST"),
    ("- a\n- b\n", (), "is not a table of keys"),
    ("name: [a\n", (), "is not valid YAML or JSON at line"),
    ("name: 2021-13-45\n", (), "is not valid YAML or JSON"),
    ("name: !!python/object:os.system x\n", (), "is not valid YAML or JSON"),
    ("name: " + "[" * 1200 + "\n", (), "is not valid YAML or JSON"),
    ("name: a\n", ("epochs",), "epochs: is not of the form key=value"),
    ("name: a\n", ("=3",), "=3: is not of the form key=value"),
    ("name: a\n", ("name.x=3",), "name.x: 'name' is a value, not a table"),
    ("name: a\n", ("epochs=[1",), "epochs: value '[1' is not valid YAML"),
    ("name: a\n", ("epochs=" + "[" * 1200,), "epochs: value '[[["),
]


@pytest.mark.parametrize(("text", "overrides", "expected"), WRONG)
def test_mistakes_are_told_in_one_line(tmp_path, text, overrides, expected):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, *overrides)
    shown = str(caught.value)
    assert expected in shown
    assert len(shown.splitlines()) == 1
    assert len(shown) < 400 + len(str(tmp_path))


def test_a_file_is_called_as_it_was_given(tmp_path):
    (tmp_path / "train.yaml").write_text("name: a\nepochs: 0\n")
    with pytest.raises(ConfigError) as caught:
        load_config(Train, tmp_path / "train.yaml", where="shipped/train")
    assert str(caught.value).startswith("shipped/train: epochs: 0 was given: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe")
    for path in (tmp_path / "no.yaml", tmp_path, tmp_path / "bytes.yaml"):
        with pytest.raises(ConfigError) as caught:
            load_config(Train, path)
        assert str(caught.value).startswith(f"{path}: ")


def test_build_takes_keywords():
    assert Train.build(name="a", epochs=2).epochs == 2
    with pytest.raises(ConfigError, match="epochz: no such key; did you mean 'epochs'"):
        Train.build(name="a", epochz=2)


def test_configurations_do_not_change():
    config = Train(name="a")
    with pytest.raises(ValueError, match="frozen"):
        config.name = "b"


def test_nothing_is_evaluated_or_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("VALUE", "secret")
    assert load(tmp_path, "name: ${VALUE} $(id) {epochs}\n").name == "${VALUE} $(id) {epochs}"


@pytest.mark.parametrize("deep", [40, 9])
def test_aliases_of_aliases_are_not_followed_for_ever(tmp_path, deep):
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 6)}]" for n in range(1, deep))]
    (tmp_path / "c.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=r"c.yaml: stands for more than 100000 values"):
        read_table(tmp_path / "c.yaml")


def test_a_list_that_holds_itself_is_refused(tmp_path):
    (tmp_path / "c.yaml").write_text("a: &a [*a]\n")
    with pytest.raises(ConfigError, match="stands for more than"):
        read_table(tmp_path / "c.yaml")


def test_overrides_leave_the_table_as_it_is():
    table = {"inner": {"a": 1}}

    class Inner(Config):
        a: int = 0

    class Outer(Config):
        inner: Inner = Inner()

    assert from_overrides(Outer, ["inner.a=2"], table).inner.a == 2
    assert table == {"inner": {"a": 1}}
