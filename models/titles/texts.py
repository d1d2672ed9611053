"""Which text models read the summaries of a training, and what they say."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.titles import text
from models.titles.inputs import Texts
from streams.errors import UsageError

Progress = Callable[[str, int, int], None]  # stage, done, total


def installed() -> tuple[str, list[str]]:
    """The text models whose packages are installed, as `--text` names them, and those that are missing."""
    found = [name for name, package in text.PACKAGES.items() if importlib.util.find_spec(package) is not None]
    return ",".join(found) or text.NONE, [name for name in text.PACKAGES if name not in found]


def chosen(named: str | None) -> str:
    """What `--text` names, checked; where it names nothing, what is installed, and it says what is missing."""
    if named is None:
        named, missing = installed()
        if missing:
            print(f"Text model {' and '.join(missing)} not installed; going on with {named}. {text.MISSING}")
    parse(named)
    return named


def parse(named: str) -> tuple[Path | str | None, bool]:
    """Of `--text`: where word vectors come from (MINILM, a folder or None), and whether USE adds its vectors.

    Raises UsageError where it names two models of words, or neither a model nor a folder.
    """
    names = [name.strip() for name in named.split(",") if name.strip()]
    if names == [text.NONE]:
        return None, False
    words = [name for name in names if name != text.USE]
    if not names or len(words) > 1 or text.NONE in names:
        raise UsageError(f"--text {named}: give minilm, use, both as minilm,use, a folder with a BERT, or none")
    if not words:
        return None, True
    if words[0] != text.MINILM and not Path(words[0]).is_dir():
        raise UsageError(f"--text {words[0]} is neither minilm, use, none nor a folder")
    return (text.MINILM if words[0] == text.MINILM else Path(words[0])), text.USE in names


def read(named: str, summaries: Sequence[str], progress: Progress) -> Texts:
    """What the models named by `--text` say of summaries.

    The sentence vectors are the mean word vectors and those of USE, as far as named, each of length one, side by
    side. Raises CommandError where a model is not there.
    """
    folder, use = parse(named)
    words, sentences = None, [np.zeros((len(summaries), 0), np.float32)]
    if folder is not None:
        model = text.WordModel(text.minilm_folder() if folder == text.MINILM else Path(folder))
        words = model.word_vectors(summaries, lambda done, total: progress("Reading summaries (words)", done, total))
        sentences.append(text.sentence_means(words))
    if use:
        sentences.append(
            text.sentence_vectors(summaries, lambda done, total: progress("Reading summaries (use)", done, total))
        )
    return Texts(words, np.hstack(sentences))
