"""Several workers in one process: threads that wait for each other."""

import concurrent.futures
import threading


def together(count, work):
    """Calls `work(index, gather)` for every worker at once and returns what each returned."""
    barrier = threading.Barrier(count)
    payloads = [b""] * count

    def run(index):
        def gather(payload):
            payloads[index] = payload
            barrier.wait(600)
            found = list(payloads)
            barrier.wait(600)
            return found

        return work(index, gather)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run, i) for i in range(count)]]


class _Waiting(BaseException):
    """A worker has come to an exchange whose other sides are not there yet."""


def in_turn(count, work):
    """As `together`, one worker after the other: each starts anew until all exchanges are known.

    For work that can be repeated, and for JAX, whose compiler does not like threads.
    """
    known = []
    while True:
        results, waiting = [], []
        for index in range(count):
            seen = iter(known)

            def gather(payload, seen=seen):
                for found in seen:
                    return found
                raise _Waiting(payload)

            try:
                results.append(work(index, gather))
            except _Waiting as exchange:
                waiting.append(exchange.args[0])
        if not waiting:
            return results
        known.append(waiting)
