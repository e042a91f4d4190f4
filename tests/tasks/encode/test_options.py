from vesalius.tasks.encode.options import EmbedOptions
from vesalius.tasks.encode.slices import SliceConfig


def test_the_choice_of_slices_has_the_digest_of_one_made_alone():
    assert SliceConfig.of(EmbedOptions(stride=2, slice=3, batch=4)).digest() == SliceConfig(stride=2).digest()
