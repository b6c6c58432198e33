"""Several workers in one process: threads that wait for each other."""

import concurrent.futures
import threading

import keras

from ccm_tf import distribute


class Worker(distribute.Strategy):
    """The strategy of one of several workers with a given way to exchange."""

    def __init__(self, index, gather, workers=2):
        super().__init__(workers, workers, index)
        self.gather = gather


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


class Batches(keras.utils.PyDataset):
    """Batches of four samples, and which of them were read."""

    def __init__(self, x):
        super().__init__()
        self.x = x
        self.read = []

    def __len__(self):
        return -(-len(self.x) // 4)

    def __getitem__(self, index):
        self.read.append(index)
        return (self.x[4 * index : 4 * index + 4],)


def from_any_number(work, x, counts=(1, 2, 4)):
    """What `work(strategy, batches of x)` returns on every worker of each number of them.

    A worker that reads batches of others fails the test.
    """

    def one(index, gather, count):
        data = Batches(x)
        found = work(Worker(index, gather, count), data)
        assert set(data.read) == {n for n in range(len(data)) if n % 8 % count == index}
        return found

    return [
        found
        for count in counts
        for found in in_turn(count, lambda i, gather, n=count: one(i, gather, n))
    ]
