import torch

from vesalius.nets.map_vectors import whole_and_places


def test_the_whole_is_the_mean_of_each_map_and_of_the_places():
    maps = [torch.randn(2, 3, 8, 4, 4), torch.randn(2, 5, 2, 1, 1)]
    whole_BD, places_BLD = whole_and_places(maps)
    torch.testing.assert_close(whole_BD, torch.cat([cells.mean((2, 3, 4)) for cells in maps], 1))
    torch.testing.assert_close(places_BLD.mean(1), whole_BD)
    torch.testing.assert_close(places_BLD[:, 0, :3], maps[0][:, :, :4].mean((2, 3, 4)))
    assert places_BLD.shape == (2, 2, 8)
