// Times of several networks that take turns: what slows the machine down slows all of them down.

const WARM_UP = 3, ROUNDS = 21, FEWEST = 5;
// Clocks of browsers are coarse, so short runs are timed several at once; in milliseconds.
const LEAST = 5, LONGEST = 12000;

/** Lets the browser draw and answer. */
export const pause = () => new Promise((resolve) => setTimeout(resolve));

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share, low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

/** Median and middle half of the time for one image, for each network. */
export async function times(networks, rgba, say) {
  const tensors = networks.map((network) => network.tensor(rgba));
  const counts = [], found = networks.map(() => []), start = performance.now();
  for (const [i, network] of networks.entries()) {
    const once = await network.timed(tensors[i], WARM_UP);
    counts.push(Math.max(1, Math.ceil(LEAST / Math.max(once, .01))));
    await pause();
  }
  for (let round = 0; round < ROUNDS; round++) {
    if (round >= FEWEST && performance.now() - start > LONGEST) break;
    say(`Measuring, turn ${round + 1} of ${ROUNDS} …`);
    for (const [i, network] of networks.entries()) {
      found[i].push(await network.timed(tensors[i], counts[i]));
      await pause();
    }
  }
  tensors.forEach((tensor) => tensor.delete());
  return found.map((list) => {
    const sorted = list.sort((a, b) => a - b);
    const [low, median, high] = [.25, .5, .75].map((share) => quantile(sorted, share));
    return {low, median, high};
  });
}
