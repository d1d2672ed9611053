"""Titles not yet launched: ONNX graphs say what JAX says, and what is not known is the encoders' own unknown."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime as ort
import orjson
import pytest

from models.titles import bert, cold_start, encoder_files, onnx_encoder, onnx_text, simulate, texts, training
from models.titles.encoder import Encoder
from models.titles.inputs import Inputs, Texts
from models.titles.table import TitleRecord
from models.titles.text import Words
from models.titles.training import Trained
from streams.cli import main
from streams.errors import CommandError

TITLES = [
    TitleRecord("a", "A", "film", 1999, tags=("heist", "Dark"), people=("Kim",), countries=("FR",), summary="A thief."),
    TitleRecord("b", "B", "series", 2009, tags=("dark",), people=("Kim",), countries=("FR",), summary="A thief runs."),
    TitleRecord("c", "C"),
    TitleRecord("d", "D", tags=("never seen",), summary="Nobody here."),
]


def _texts(lengths: tuple[int, ...], words: int = 8, sentence: int = 6) -> Texts:
    rng = np.random.default_rng(4)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    sentences = rng.normal(size=(len(lengths), sentence)).astype(np.float32) * (np.array(lengths) > 0)[:, None]
    found = Words(rng.normal(size=(offsets[-1], words)).astype(np.float16), offsets) if words else None
    return Texts(found, sentences)


def _shaken(encoder: Encoder, seed: int) -> Encoder:
    """An encoder with random numbers in every array, also where training begins at zero."""
    arrays, rest = eqx.partition(encoder, eqx.is_array)
    leaves, structure = jax.tree_util.tree_flatten(arrays)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    shaken = [leaf + 0.5 * jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)]
    return eqx.combine(jax.tree_util.tree_unflatten(structure, shaken), rest)


@pytest.mark.parametrize("text", ["both", "sentences", "none"])
def test_the_onnx_encoder_says_what_jax_says(tmp_path: Path, text: str) -> None:
    """With padding, a blank summary, tags that were not learned, and titles of which nothing is known."""
    lengths = (5, 1, 0, 17)
    read = _texts(lengths, words=8 if text == "both" else 0, sentence=0 if text == "none" else 6)
    inputs = Inputs.learn(TITLES, read, "minilm")
    encoder = _shaken(Encoder(inputs, jax.random.key(1)), 2)
    encoder_files.save(tmp_path, inputs, {"category": Trained(encoder, {})})
    table = inputs.table(TITLES, read)
    session = ort.InferenceSession(onnx_encoder.exported(tmp_path, "category"), providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}
    for multiple in (1, 16):
        batch = table.batch(np.arange(4), multiple=multiple)
        told = session.run(None, {name: values for name, values in batch.items() if name in wanted})[0]
        assert np.abs(told - training.vectors(encoder, table)).max() < 1e-5


def test_an_encoder_that_was_trained_anew_is_exported_anew(tmp_path: Path) -> None:
    read = _texts((5, 1, 0, 17))
    inputs = Inputs.learn(TITLES, read, "minilm")
    made = []
    for seed in (1, 2):
        encoder_files.save(tmp_path, inputs, {"category": Trained(Encoder(inputs, jax.random.key(seed)), {})})
        made.append(onnx_encoder.exported(tmp_path, "category").read_bytes())
    assert made[0] != made[1]


def _small_bert(rng: np.random.Generator, hidden: int = 12, layers: int = 2, words: int = 30) -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, hidden),
        "embeddings.position_embeddings.weight": (40, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
    }
    norms = ["embeddings"]
    for layer in (f"encoder.layer.{number}" for number in range(layers)):
        dense = {f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        dense |= {"attention.output.dense": (hidden, hidden)}
        dense |= {"intermediate.dense": (4 * hidden, hidden), "output.dense": (hidden, 4 * hidden)}
        for name, shape in dense.items():
            shapes |= {f"{layer}.{name}.weight": shape, f"{layer}.{name}.bias": shape[:1]}
        norms += [f"{layer}.attention.output", f"{layer}.output"]
    for name in norms:
        shapes |= {f"{name}.LayerNorm.weight": (hidden,), f"{name}.LayerNorm.bias": (hidden,)}
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def test_the_onnx_text_model_says_what_jax_says(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    weights = _small_bert(rng)
    onnx_text.write(tmp_path / "text.onnx", weights, layers=2, heads=3, epsilon=1e-12)
    session = ort.InferenceSession(tmp_path / "text.onnx", providers=["CPUExecutionProvider"])
    ids, lengths = rng.integers(0, 30, (4, 9)).astype(np.int32), np.array([9, 3, 1, 6], np.int32)
    told = session.run(None, {"ids": ids, "lengths": lengths})[0]
    shape = bert.Shape(layers=2, heads=3, epsilon=1e-12)
    jax_says = np.asarray(
        bert.word_vectors({name: jnp.asarray(value) for name, value in weights.items()}, shape, ids, lengths)
    )
    for row, length in enumerate(lengths):
        assert np.abs(told[row, :length] - jax_says[row, :length]).max() < 1e-4


def test_from_summary_to_vector_onnx_says_what_jax_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the text models themselves, on made-up titles, one of them without a summary: the same to 1e-5."""
    monkeypatch.setenv("CW_HOME", str(tmp_path / "home"))
    titles = [*simulate.make(15, 77).titles, TitleRecord("c", "C")]
    read = texts.read("minilm,use", [title.summary for title in titles], lambda *_: None)
    inputs = Inputs.learn(titles, read, "minilm,use")
    encoder = Encoder(inputs, jax.random.key(1))
    encoder = eqx.tree_at(lambda each: each.join.weight, encoder, 4 * encoder.join.weight)  # as large as a learned one
    encoder_files.save(tmp_path, inputs, {"category": Trained(encoder, {})})
    jax_says = training.vectors(encoder, inputs.table(titles, read))
    start = cold_start.ColdStart(tmp_path)
    assert np.abs(jax_says).max() > 5
    assert np.abs(start.vectors(titles)["category"] - jax_says).max() < 1e-5
    one_by_one = np.concatenate([start.vectors([title])["category"] for title in titles])
    assert np.abs(one_by_one - jax_says).max() < 1e-5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    read = Texts(None, np.zeros((4, 0), np.float32))
    inputs = Inputs.learn(TITLES, read, "none")
    encoder_files.save(tmp_path, inputs, {"category": Trained(_shaken(Encoder(inputs, jax.random.key(1)), 3), {})})
    return tmp_path


def test_a_title_gets_the_vector_that_training_gives_it(folder: Path) -> None:
    inputs, encoder = encoder_files.load_encoder(folder, "category")
    table = inputs.table(TITLES, Texts(None, np.zeros((4, 0), np.float32)))
    found = cold_start.ColdStart(folder).vectors(TITLES)
    assert np.abs(found["category"] - training.vectors(encoder, table)).max() < 1e-5
    assert np.abs(cold_start.vectors(TITLES[0], folder)["category"] - found["category"][0]).max() < 1e-5


def test_what_is_not_known_is_named_and_is_the_learned_unknown_not_zeros(folder: Path) -> None:
    start = cold_start.ColdStart(folder)
    unknown = start.unknown(TITLES[3])
    assert unknown.fields == ("people", "countries", "kind", "release_year")
    assert unknown.terms == ("never seen",)
    blank, other = start.vectors([TITLES[2], replace(TITLES[2], tags=("dark",))])["category"]
    assert np.abs(blank).max() > 0.1
    assert np.abs(blank - other).max() > 0.1


def test_vectors_are_made_without_jax(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from models.titles import cold_start; "
        "from models.titles.table import TitleRecord; "
        f"made = cold_start.vectors(TitleRecord('x', 'X', tags=('dark',)), Path({str(folder)!r})); "
        "assert made['category'].shape == (256,); assert not {'jax', 'equinox'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"title": "X", "year": 2020}', "has the field 'year'"),
        ('{"title": "X", "kind": "opera"}', "neither film nor series"),
        ('{"title": "X", "release_year": "soon"}', "'soon' is no year"),
        ('{"title": "X", "tags": [1]}', "tags is no list of texts"),
        ('{"kind": "film"}', "says nothing of the title"),
        ("[]", "no JSON object"),
        ("{", "is no JSON"),
    ],
)
def test_a_file_that_is_no_title_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "idea.json"
    path.write_text(text)
    with pytest.raises(CommandError, match=reason):
        cold_start.read(path)


def test_lists_and_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "idea.json"
    path.write_bytes(orjson.dumps({"title": "X", "kind": "TV Show", "release_year": 2027, "tags": "dark|heist"}))
    assert cold_start.read(path) == TitleRecord("new", "X", "series", 2027, tags=("dark", "heist"))


def test_a_missing_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "idea.json").write_text('{"title": "X"}')
    code = main(["titles", "vector", str(tmp_path / "idea.json"), "--dir", str(tmp_path / "none")])
    assert code == 1
    assert "is no folder of vectors" in capsys.readouterr().err


def test_a_damaged_encoder_is_told_with_what_to_do(folder: Path) -> None:
    onnx_encoder.exported(folder, "category").write_bytes(b"no model")
    with pytest.raises(CommandError, match=r"can't be read \(.*\); train the folder again"):
        cold_start.vectors(TITLES[0], folder)
