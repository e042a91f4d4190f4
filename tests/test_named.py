import sys
import types
from typing import Annotated, Any

import pytest
from pydantic import BeforeValidator, Field, SerializeAsAny

from vesalius.config import Config, Named
from vesalius.errors import ConfigError
from vesalius.named import Table

SHAPES = Table("shape", {"disc": "shapes_of_a_test.round:Disc", "box": "shapes_of_a_test.square:Box"})


class Shape(Named):
    table = SHAPES


class Disc(Shape):
    radius_mm: float = Field(gt=0)


class Box(Shape):
    side_mm: float = 1.0


class Scene(Config):
    first: Annotated[SerializeAsAny[Shape], BeforeValidator(Shape.read)]


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    for name, cls in (("round", Disc), ("square", Box)):
        module: Any = types.ModuleType(f"shapes_of_a_test.{name}")
        setattr(module, cls.__name__, cls)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(cls, "__module__", module.__name__)


def test_a_table_with_a_name_becomes_an_object_and_comes_back():
    scene = Scene.parse({"first": {"name": "disc", "radius_mm": 2}})
    assert scene.first == Disc(radius_mm=2)
    assert scene.model_dump() == {"first": {"name": "disc", "radius_mm": 2.0}}
    assert Scene.parse(scene.model_dump()) == scene


def test_an_object_is_taken_as_it_is():
    assert Scene(first=Box()).first == Box()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"radius_mm": 2}, "name of a shape: is required and missing; give one such as name: disc"),
        ({"name": "disk", "radius_mm": 2}, "disk: no such shape; did you mean 'disc'?"),
        ({"name": "disc", "radius": 2}, "disc.radius: no such key; did you mean 'radius_mm'?"),
        ({"name": "disc", "radius_mm": -1}, "disc.radius_mm: -1 was given"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(given, told):
    with pytest.raises(ConfigError) as caught:
        Scene.parse({"first": given})
    assert str(caught.value).startswith(told)


def test_names_and_classes():
    assert SHAPES.names() == ("disc", "box")
    assert SHAPES.get("disc") is Disc
    assert SHAPES.name_of(Disc) == "disc"
    assert SHAPES.name_of(Scene) == f"{Scene.__module__}:Scene"


class Own(Shape):
    corners: int = 3


class Stranger(Named):
    table = Table("colour", {})


def test_a_class_of_ones_own_is_known_once_its_module_is_imported(monkeypatch):
    scene = Scene(first=Own(corners=5))
    name = f"{__name__}:Own"
    assert scene.model_dump() == {"first": {"name": name, "corners": 5}}
    assert Scene.parse(scene.model_dump()) == scene
    monkeypatch.delitem(sys.modules, __name__)
    with pytest.raises(ConfigError, match="no such shape; import the module that holds it first"):
        Scene.parse(scene.model_dump())


@pytest.mark.parametrize("name", [f"{__name__}:Stranger", f"{__name__}:Scene", f"{__name__}:pytest", "os:system", ":"])
def test_what_is_no_shape_is_refused(name):
    with pytest.raises(ConfigError, match="no such shape"):
        SHAPES.get(name)
