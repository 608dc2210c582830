"""
The echo for Triton's Python backend: a tensor of bytes in, the same out.
"""

from __future__ import annotations

from typing import Any

import triton_python_backend_utils as triton
from work import work


class TritonPythonModel:
    """
    Answers with what it was sent.
    """

    def execute(self, requests: list[Any]) -> list[Any]:
        """
        Answer each of *requests*.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        sent = triton.get_input_tensor_by_name(request, "INPUT")
        work()
        return triton.InferenceResponse([triton.Tensor("OUTPUT", sent.as_numpy())])
