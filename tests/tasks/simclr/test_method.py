from vesalius.tasks.simclr.method import METHODS, Method


def test_every_method_of_the_table_has_a_head():
    for name in METHODS:
        method = Method.read({"name": name})
        head = method.head(16)
        assert head.inputs == 16
        assert METHODS.name_of(type(method)) == name
