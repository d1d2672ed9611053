"""`cw titles train`: a titles table to a folder of vectors; or a graph alone, measured."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from models.titles.commands_common import say_broken, titles_extra
from streams.errors import UsageError

_DESCRIPTION = """\
Learns title vectors from a titles table, as DIR/vectors/VIEW.npy:

  category   from what is known of a title (summary, tags, people, countries, kind, year) to its categories
  audience   from the same to its audience in each country; needs --audience
  graph      from who made it, what it is tagged with and so on, as a graph of triples (derived, or --triples)
  combined   these side by side

DIR/encoders holds what turns a title that is not out yet into such vectors. Summaries are read by text models that
are installed with the extra `titles`; nothing is downloaded:
  minilm   all-MiniLM-L6-v2, whose contextual word vectors go through a bidirectional GRU
  use      the multilingual universal sentence encoder, a vector for each summary
  FOLDER   another BERT instead of minilm: config.json, tokenizer.json, model.safetensors
  none     no text model: summaries count as bags of words
What models say of summaries is kept in CW_HOME/text, so that a second training need not ask them again.

Without --titles it learns the graph of --triples alone, and measures how well that predicts links.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw titles train`."""
    parser = subparsers.add_parser(
        "train",
        help="title vectors from a titles table, audiences and a graph",
        description=_DESCRIPTION,
        epilog="Example: cw titles train --titles data/titles.csv --audience data/audience.csv -o vectors",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--titles", type=Path, metavar="FILE", help="titles table, CSV or Parquet")
    parser.add_argument("--audience", type=Path, metavar="FILE", help="audiences by title and country")
    parser.add_argument("--triples", type=Path, metavar="FILE", help="head, relation, tail a line (default: derived)")
    parser.add_argument(
        "--text", metavar="MODELS", help="minilm, use, minilm,use, FOLDER, FOLDER,use or none (default: what is there)"
    )
    parser.add_argument(
        "--together", action="store_true", help="one encoder for categories and audiences; both views have its vectors"
    )
    parser.add_argument("--valid", type=Path, metavar="FILE", help="graph alone: triples to choose by")
    parser.add_argument("--test", type=Path, metavar="FILE", help="graph alone: triples to measure on")
    parser.add_argument("--json", type=Path, metavar="OUT", help="graph alone: where the figures go")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="the folder of vectors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Trains every view that the inputs allow, or the graph alone."""
    graph_alone = [name for name in ("valid", "test", "json") if getattr(arguments, name) is not None]
    if arguments.titles is not None and graph_alone:
        raise UsageError(f"--{graph_alone[0]} measures a graph alone; leave --titles out")
    if arguments.titles is None and arguments.triples is None:
        raise UsageError("give --titles FILE to learn title vectors, or --triples FILE to learn a graph alone")
    if arguments.titles is None and (arguments.audience or arguments.text or arguments.together):
        raise UsageError("--audience, --text and --together go with --titles FILE")
    with titles_extra():
        if arguments.titles is None:
            from models.titles.graph_command import run_graph

            run_graph(arguments)
        else:
            _train(arguments)


def _train(arguments: argparse.Namespace) -> None:
    from models.commands import prepare_process
    from models.progress import showing
    from models.titles import encoder_files, facts, graph, replacing, table, texts, views
    from models.titles import triples as triples_file
    from models.titles.folder import FILES, TitleSpace

    prepare_process()
    text = texts.chosen(arguments.text)
    output: Path = arguments.output
    table.make_folder(output)
    with showing() as progress:
        progress.say("Reading the titles")
        titles, broken = table.read(arguments.titles)
        say_broken(arguments.titles, broken)
        audience = None
        if arguments.audience is not None:
            audience, broken = table.read_audience(arguments.audience)
            say_broken(arguments.audience, broken)
        if arguments.triples is None:
            given = triples_file.derive(titles)
        else:
            given, broken = triples_file.read(arguments.triples)
            say_broken(arguments.triples, broken)
        learned = views.supervised(titles, audience, text, arguments.together, progress.stage)

        of_graph, figures = graph.train_view(titles, given, stepped=partial(progress.stage, "Learning graph"))
        space = learned.space
        once = dict(list(space.views.items())[:1]) if arguments.together else space.views
        every = {**space.views, "graph": of_graph, "combined": views.combined([*once.values(), of_graph])}
        described = space.meta["views"] | {"graph": figures, "combined": {"of": [*once, "graph"]}}
        meta = space.meta | {"views": described}
        progress.say("Writing")
        with replacing.folder(output, (*FILES, encoder_files.FILES, str(facts.LINKS))) as new:
            TitleSpace(titles, every, space.countries, audience, meta).write(new)
            encoder_files.save(new, learned.inputs, learned.trained)
            if arguments.triples is not None:
                facts.keep_links(new, given)
    for name, vectors in every.items():
        print(f"{name:<9} {len(vectors):,} vectors of {vectors.shape[1]}")
    print(f"{output} is ready; 'cw titles similar TITLE --dir {output}' shows what is alike")
