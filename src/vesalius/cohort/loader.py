"""Loading a cohort epoch by epoch: prepared once, cached, augmented at random, in an order that the seed decides.

Order and randomness come from (seed, epoch, case id), so the samples are the same for any number of workers and any
place in a batch. Workers are threads: decoding and NumPy release Python's lock. Nothing here needs torch; arrays
are handed over with `torch.from_numpy(sample.image)`.

Letters: B samples of a batch, N classes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import compress, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius import __version__
from vesalius.arguments import checked
from vesalius.cohort.budget import Budget
from vesalius.cohort.cache import Cache
from vesalius.cohort.case import IMAGE, Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.content import Contents, stamp_of
from vesalius.cohort.item import Item, TarMember, split_item
from vesalius.cohort.read import open_image, open_mask
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.scan.open import suffix
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.seeding import generator, shuffled
from vesalius.transforms.contract import among
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import Augment, Sample

_AHEAD_PER_WORKER = 2
_MIB = 1 << 20
Turn = tuple[str, int]
"""A case in an epoch: its id, and the number of its repetition (from 0)."""
_WORKING_BYTES_PER_VOXEL = 32
"""Besides two copies of the stored values: measured for orientation, z-scores and a coarser spacing."""


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case with its arrays.

    Arrays are contiguous, writable and shared with no other object, so `torch.from_numpy(loaded.image)` is all that
    torch needs.

    Args:
        case: the case of the manifest.
        image: the prepared and, where the loader augments, augmented image, channel first; several images are its
            channels.
        labels_N: 0, 1 or a probability for each class of the loader, NaN where unknown; float32.
        key: 64 hexadecimal digits for the content of the image files and their preparation (not the augmentation).
        masks: label maps by name.
    """

    case: Case
    image: NDArray[Any]
    labels_N: NDArray[np.float32]
    key: str
    masks: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Id of the case."""
        return self.case.id

    @property
    def nbytes(self) -> int:
        """Bytes of the image and the masks."""
        return self.image.nbytes + sum(mask.nbytes for mask in self.masks.values())


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one shape.

    Args:
        cases: in the order of the batch.
        images: with B as the first axis, then the axes of the samples.
        labels_BN: NaN where not known.
        masks: by name, B first.
    """

    cases: tuple[Case, ...]
    images: NDArray[Any]
    labels_BN: NDArray[np.float32]
    masks: Mapping[str, NDArray[Any]]


class Loader:
    """The cases of a cohort as arrays.

    Args:
        cohort: cases with unique ids.
        prepare: deterministic preparation of every scan; its result is cached.
        images: names of the images that become the channels, in this order.
        optional: a case may lack some images; their channels are 0. Only for preparations that keep one channel for
            each image.
        masks: names of the masks to load.
        optional_masks: a case may lack some masks; they are missing in its sample.
        frame: load only the frame of cines that `case.frames` gives this name ("ED"), on which a mask lies.
        classes: order of the labels; None: all of the cohort.
        augment: random changes in every epoch.
        cache: keeps prepared arrays between runs; None: nothing is written.
        memory_mib: MiB that the loader may hold at a time, batches not counted. A case that needs more is loaded
            alone, and a note says so.
        workers: threads; 0 loads in the calling thread.
        seed: random seed of order and augmentation.
        order: "shuffled" in every epoch, or that of the "cohort".
        repeats: how often each case comes in an epoch, augmented differently each time.
        on_error: "raise" at a case that cannot be loaded, or "skip" it and add to `problems`.
    """

    @checked
    def __init__(
        self,
        cohort: Cohort,
        *,
        prepare: Prepare,
        images: Sequence[str] = (IMAGE,),
        optional: bool = False,
        masks: Sequence[str] = (),
        optional_masks: bool = False,
        frame: str | None = None,
        classes: Sequence[str] | None = None,
        augment: Augment | None = None,
        cache: Cache | None = None,
        memory_mib: int = 1024,
        workers: int = 2,
        seed: int = 0,
        order: Literal["shuffled", "cohort"] = "shuffled",
        repeats: int = 1,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> None:
        if not images or memory_mib < 1 or workers < 0 or repeats < 1:
            raise UsageError("a loader needs an image, at least 1 MiB, 1 repeat and no fewer than 0 workers")
        self.cohort = cohort
        self.classes = cohort.classes if classes is None else tuple(classes)
        self.seed = seed
        self.rank, self.world = 0, 1
        self._images, self._masks, self._frame = tuple(images), tuple(masks), frame
        self._optional, self._optional_masks = optional, optional_masks
        self._prepare, self._prepare_digest, self._augment = prepare, prepare.digest(), augment
        self._cache, self._contents = cache, Contents(None if cache is None else cache.log())
        self._budget, self._workers = Budget(memory_mib * _MIB), workers
        self._order, self._repeats, self._on_error = order, repeats, on_error
        self._cases = {case.id: case for case in cohort}
        self._problems: dict[Problem, None] = {}
        self._lock = threading.Lock()
        if len(self._cases) != len(cohort):
            raise UsageError("two cases of the cohort have one id")

    def __len__(self) -> int:
        """Number of cases in one epoch of this shard."""
        return len(range(self.rank, self.total, self.world))

    @property
    def total(self) -> int:
        """Number of cases in one epoch of all shards."""
        return len(self.cohort) * self._repeats

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The cases that were skipped, each reason once."""
        return tuple(self._problems)

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats, one sentence each."""
        cache_notes = () if self._cache is None else tuple(self._cache.notes)
        return (*cache_notes, *self._budget.notes)

    def shard(self, rank: int, world: int) -> Loader:
        """Return a loader of every `world`-th case of each epoch, from number `rank` on; cache and memory are shared.

        The shards of all ranks are disjoint and together the whole epoch; their lengths differ by 1 at most.

        Raises:
            UsageError: `rank` is not one of 0 to world - 1.
        """
        if not 0 <= rank < world:
            raise UsageError(f"rank {rank} is not below {world}")
        other = copy.copy(self)
        other.rank, other.world = rank, world
        return other

    def ids(self, epoch: int) -> list[str]:
        """Return the ids of an epoch of this shard in their order, each as often as it comes."""
        return [case_id for case_id, _ in self._turns(epoch)]

    def epoch(self, number: int, *, start: int = 0) -> Iterator[LoadedCase]:
        """Yield the loaded cases of one epoch.

        Args:
            number: number of the epoch, from 0.
            start: number of cases to skip without loading them, to go on in the middle of an epoch.

        Raises:
            InputError: a case cannot be loaded, and problems are not skipped.
        """
        turns = self._turns(number)[start:]
        load = partial(self._load, number)
        for loaded in _ahead(load, turns, self._workers, self._budget) if self._workers else map(load, turns):
            if isinstance(loaded, LoadedCase):
                yield loaded
                continue
            if self._on_error == "raise":
                raise InputError(loaded.reason, where=f"case {loaded.id}")
            with self._lock:
                self._problems.setdefault(loaded)

    def key(self, case: Case) -> str:
        """Return 64 hexadecimal digits for the content of the images of a case and their preparation.

        Raises:
            InputError: its files cannot be read.
        """
        return self._keys(case)[0][IMAGE, ""]

    def _turns(self, epoch: int) -> list[Turn]:
        """Return the turns of an epoch of this shard."""
        turns = [(case_id, time) for time in range(self._repeats) for case_id in self._round(epoch, time)]
        return turns[self.rank :: self.world]

    def _round(self, epoch: int, time: int) -> list[str]:
        """Return every case once: no case is repeated before all have come."""
        ids = [case.id for case in self.cohort]
        again = (time,) if time else ()
        return shuffled(ids, self.seed, epoch, *again) if self._order == "shuffled" else ids

    def _load(self, epoch: int, turn: Turn) -> LoadedCase | Problem:
        case, time = self._cases[turn[0]], turn[1]
        try:
            return self._sample(epoch, case, time)
        except VesaliusError as error:
            return Problem(case.id, str(error))

    def _sample(self, epoch: int, case: Case, time: int) -> LoadedCase:
        arrays, key = self._arrays(case)
        image, masks = arrays[IMAGE, ""], {name: arrays["mask", name] for name in self._masks_of(case)}
        if self._augment is not None:
            again = (time,) if time else ()
            params = self._augment.draw(generator(self.seed, epoch, case.id, *again, "augment"))
            locked = {name: _locked(mask) for name, mask in masks.items()}
            changed = self._augment.apply_to(Sample(_locked(image), locked, case.facts, case.frames), params)
            image, masks = changed.image, dict(changed.masks)
        labels_N = np.array([case.labels.get(name, np.nan) for name in self.classes], np.float32)
        loaded = LoadedCase(case, _owned(image), labels_N, key, {name: _owned(mask) for name, mask in masks.items()})
        self._budget.met(loaded.nbytes)
        return loaded

    def _arrays(self, case: Case) -> tuple[dict[tuple[str, str], NDArray[Any]], str]:
        """Return prepared arrays, read-only, by kind and name, and the key of the image."""
        keys, stamps = self._keys(case)
        arrays = {}
        for slot, key in keys.items():
            array = self._budget.kept((case.id, *slot), key)
            if array is None and self._cache is not None:
                array = self._cache.get(key)
                if array is not None and self._budget.has_room(array.nbytes):
                    array = self._budget.keep((case.id, *slot), key, np.array(array))
            if array is not None:
                arrays[slot] = array
        if len(arrays) < len(keys):
            arrays = self._prepared(case, keys, stamps)
        return arrays, keys[IMAGE, ""]

    def _prepared(
        self, case: Case, keys: Mapping[tuple[str, str], str], stamps: Mapping[Path, str]
    ) -> dict[tuple[str, str], NDArray[Any]]:
        """Prepare the arrays from the scans, write them to the cache and keep them."""
        held = [not self._optional or name in case.images for name in self._images]
        names = compress(self._images, held)
        images = [self._at_frame(case, open_image(self.cohort, case, name)) for name in names]
        masks = {name: open_mask(self.cohort, case, name) for name in self._masks_of(case)}
        scans = (*images, *masks.values())
        cost = sum(scan.voxels * (2 * scan.dtype.itemsize + _WORKING_BYTES_PER_VOXEL) for scan in scans)
        with self._budget.making(cost):
            prepared = self._prepare.sample(images, masks)
            masks_of = {("mask", name): _owned(prepared.masks[name]) for name in self._masks_of(case)}
            arrays = {(IMAGE, ""): _owned(among(prepared.image, held, 0)), **masks_of}
            if all(stamp_of(path) == stamp for path, stamp in stamps.items()):  # else written while it was read
                for slot, array in arrays.items():
                    if self._cache is not None:
                        self._cache.put(keys[slot], array)
                    self._budget.keep((case.id, *slot), keys[slot], array)
        return arrays

    def _masks_of(self, case: Case) -> tuple[str, ...]:
        """Names of the masks to load of a case."""
        return tuple(name for name in self._masks if not self._optional_masks or name in case.masks)

    def _at_frame(self, case: Case, scan: Scan) -> Scan:
        if self._frame is None:
            return scan
        if self._frame not in case.frames:
            raise InputError(f"names no frame {self._frame!r}", where=f"case {case.id}")
        number = case.frames[self._frame]
        if number >= scan.shape[1]:
            raise InputError(f"has {scan.shape[1]} frames, none numbered {number}", where=f"case {case.id}")
        return part(scan, t=number)

    def _keys(self, case: Case) -> tuple[dict[tuple[str, str], str], dict[Path, str]]:
        """Return keys of all arrays by kind and name, and stamps of the paths of their files."""
        stamps: dict[Path, str] = {}
        frame = None if self._frame is None else case.frames.get(self._frame)
        images = [
            None if self._optional and name not in case.images else self._source(case, case.images, name, stamps)
            for name in self._images
        ]
        common = [__version__, self._prepare_digest, case.fourth_axis, frame, images]
        keys = {(IMAGE, ""): _hashed(common)}
        for name in self._masks_of(case):
            keys["mask", name] = _hashed([*common, name, self._source(case, case.masks, name, stamps)])
        return keys, stamps

    def _source(self, case: Case, paths: Mapping[str, str], name: str, stamps: dict[Path, str]) -> list[Any]:
        """Return what decides the stored values: the bytes, and how they are opened."""
        if name not in paths:
            raise InputError(
                f"has no {name!r}, only {', '.join(map(repr, paths)) or 'nothing'}", where=f"case {case.id}"
            )
        file, item = split_item(paths[name])
        path = self.cohort.root / file
        if path not in stamps:
            stamps[path] = stamp_of(path)
        member = item if isinstance(item, TarMember) else None
        is_folder = path.is_dir()
        how = case.series if is_folder else suffix(path if member is None else Path(member.name))
        choices = [case.reading.stated()] if case.reading.stated() else []
        return [
            self._contents.digest(path, stamps[path], member),
            is_folder,
            how,
            _within(item),
            *choices,
        ]


def batches(loader: Loader, epoch: int, size: int, *, drop_last: bool = False, start: int = 0) -> Iterator[Batch]:
    """Yield one epoch in batches.

    Args:
        loader: source of the samples.
        epoch: number of the epoch.
        size: samples in a batch.
        drop_last: drop an incomplete last batch; then all shards of an epoch have equally many batches (unless cases
            are skipped), as distributed training needs.
        start: number of batches to skip without loading them.

    Raises:
        UsageError: an impossible size, or samples of different shapes.
        InputError: a case cannot be loaded.
    """
    if size < 1:
        raise UsageError("a batch needs at least one sample")
    return _batches(loader, epoch, size, drop_last, start)


def _batches(loader: Loader, epoch: int, size: int, drop_last: bool, start: int) -> Iterator[Batch]:
    left = loader.total // loader.world // size - start if drop_last else len(loader)
    samples = loader.epoch(epoch, start=start * size)
    while left > 0:
        batch = _stacked(islice(samples, size), size)
        if batch is None or (drop_last and len(batch.cases) < size):
            return
        left -= 1
        yield batch


def _stacked(samples: Iterator[LoadedCase], size: int) -> Batch | None:
    """Fill a batch sample by sample, so that no sample is in memory twice for long; None without samples."""
    cases: list[Case] = []
    stacks: dict[str | None, NDArray[Any]] = {}
    labels = []
    for n, sample in enumerate(samples):
        arrays: list[tuple[str | None, NDArray[Any]]] = [(None, sample.image), *sample.masks.items()]
        if n == 0:
            stacks = {name: np.empty((size, *array.shape), array.dtype) for name, array in arrays}
        for name, array in arrays:
            if name not in stacks or (stacks[name].shape[1:], stacks[name].dtype) != (array.shape, array.dtype):
                shapes = " and ".join(f"{image.shape} {image.dtype}" for image in (stacks[None][0], sample.image))
                what = f"cases {cases[0].id} and {sample.id} do not fit into one batch: their images are {shapes}"
                raise UsageError(
                    f"{what}, or their masks differ", fix="prepare them to one size and one number of channels"
                )
            stacks[name][n] = array
        cases.append(sample.case)
        labels.append(sample.labels_N)
    if not cases:
        return None
    stacks = {name: stack[: len(cases)] for name, stack in stacks.items()}
    masks = {name: stack for name, stack in stacks.items() if name is not None}
    return Batch(tuple(cases), stacks[None], np.stack(labels), masks)


def _within(item: Item | None) -> str | None:
    """Return what an item adds to the bytes that are digested: nothing for a member that is read as a file is."""
    if isinstance(item, TarMember):
        return "array" if item.name.lower().endswith(".npy") else None
    return None if item is None else item.text


def _hashed(facts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _owned(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array, or a copy where it is not contiguous, not writable or shares memory."""
    flags = array.flags
    owned = type(array) is np.ndarray and flags.owndata and flags.writeable and flags.c_contiguous
    return array if owned else np.array(array, order="C", subok=False)


def _locked(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view


def _ahead(
    load: Callable[[Turn], LoadedCase | Problem], turns: Sequence[Turn], workers: int, budget: Budget
) -> Iterator[LoadedCase | Problem]:
    """Yield what `load` returns, in order; threads load ahead of the caller as far as the budget allows."""
    waiting: deque[Future[LoadedCase | Problem]] = deque()
    rest = iter(turns)
    with ThreadPoolExecutor(workers, thread_name_prefix="vesalius-loader") as pool:
        try:
            while True:
                while len(waiting) < budget.window(_AHEAD_PER_WORKER * workers):
                    turn = next(rest, None)
                    if turn is None:
                        break
                    waiting.append(pool.submit(load, turn))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
