"""Keys of other code as keys of a run: the only place that knows them. Needs no torch.

Read `convert` first, then `places`, what a key may do, and the tables of keys: `simclr`, `titok`, `ume`,
`inference`.
"""
