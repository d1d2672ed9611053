"""Building ONNX graphs: nodes with generated names, constants, and a checked model to write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

OPSET: Final = 17
IR_VERSION: Final = 8

Shape = Sequence[int | str]


class Graph:
    """Collects nodes and constants; `add` gives the name of a node's output."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._named = 0

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """A node; the name of its last output (those before it are not used)."""
        self._named += 1
        names = [""] * (outputs - 1) + [f"{operator.lower()}_{self._named}"]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[-1]

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """A constant of any shape."""
        self._named += 1
        name = f"constant_{self._named}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def write(
        self,
        path: Path,
        inputs: Sequence[tuple[str, Any, Sequence[int | str]]],
        output: str,
        shape: Sequence[int | str],
    ) -> None:
        """Checks the model and writes it; a file that is there is replaced at once.

        Parameters
        ----------
        inputs: name, numpy dtype and shape of each, with names for sizes that may differ
        output: what `add` gave for it; it is called `output` in the model, float32 of `shape`
        """
        self._nodes.append(helper.make_node("Identity", [output], ["output"]))
        graph = helper.make_graph(
            self._nodes,
            path.stem,
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(dims))
                for name, dtype, dims in inputs
            ],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, list(shape))],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        checker.check_model(model)
        partial = path.with_suffix(".partial")
        partial.write_bytes(model.SerializeToString())
        partial.replace(path)
