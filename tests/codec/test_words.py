from codec.second_decoder import dictionary
from vesalius.codec.words import DICTIONARY


def test_the_dictionary_is_the_one_of_the_page():
    assert dictionary() == DICTIONARY
