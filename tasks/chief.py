"""What one worker of several finds out, the chief, and the others are told."""

import json
from collections.abc import Callable
from typing import Any

from ccm_tf import distribute


def chief_says(strategy: distribute.Strategy, ask: Callable[[], Any]) -> Any:
    """What a function returns on the chief, on all workers; an error of it stops all of them.

    Args:
        strategy: The running strategy.
        ask: Called on the chief alone; returns something that JSON has a word for.

    Raises:
        RuntimeError: On the others, if the chief failed.
    """
    if strategy.workers == 1:
        return ask()
    if strategy.chief:
        try:
            answer = ask()
        except BaseException as error:
            strategy.broadcast(json.dumps({"error": str(error)}).encode())
            raise
        strategy.broadcast(json.dumps({"answer": answer}).encode())
        return answer
    told = json.loads(strategy.broadcast())
    if "error" in told:
        raise RuntimeError(f"The chief stopped: {told['error']}")
    return told["answer"]
