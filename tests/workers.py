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
