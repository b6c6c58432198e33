// Loads everything, runs all files on all samples, measures, and then does what people choose.
import {opened} from './models.js';
import {drawn, largest} from './pixels.js';
import {pause, times} from './timing.js';
import {counted, find, made, showBars, showCards, showTable} from './view.js';

const root = document.documentElement, canvas = find('canvas');
// For the console, and for tests.
const trial = globalThis.trial = {outputs: [], times: null};
let site, networks, counts;

function say(words, failed = false) {
  find('status').textContent = words;
  find('status').hidden = !words;
  find('status').classList.toggle('failed', failed);
}

async function guarded(action) {
  try {
    await action();
  } catch (error) {
    root.dataset.state = 'failed';
    say(`This did not work: ${error.message ?? error}`, true);
  }
}

async function decoded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

async function judged(image) {
  const rgba = drawn(canvas, image), results = [];
  for (const network of networks) results.push(await network.probabilities(rgba));
  return results;
}

/** Shows an image with what the files say of it; `number` if it is a sample. */
async function choose(image, number = null) {
  const results = await judged(image);
  [...find('thumbs').children].forEach((thumb, i) => thumb.setAttribute('aria-pressed', i === number));
  const label = number === null ? null : site.images[number].label;
  find('truth').textContent = number === null ? 'Your image' :
    label === null ? `Sample ${number + 1}` : `Sample ${number + 1}: ${site.classes[label]}`;
  showBars(site, results);
  return results;
}

/** The largest difference between two files in the probability of a class. */
function distance(results) {
  return Math.max(...results[0].map((_, index) => {
    const values = results.map((result) => result[index]);
    return Math.max(...values) - Math.min(...values);
  }));
}

async function tryAll() {
  const images = await Promise.all(site.images.map(({file}) => decoded(file)));
  const small = Math.max(canvas.width, canvas.height) <= 96 ? 'small' : '';
  for (const [number, image] of images.entries()) {
    say(`Trying sample ${number + 1} of ${images.length} …`);
    image.alt = `Sample ${number + 1}`;
    image.className = small;
    const results = await judged(image), thumb = made('button', {'aria-pressed': false}, image);
    trial.outputs.push(results);
    const apart = new Set(results.map(largest)).size > 1;
    thumb.classList.toggle('apart', apart);
    if (apart) image.alt += ', on which the files disagree';
    thumb.addEventListener('click', () => guarded(() => choose(image, number)));
    find('thumbs').append(thumb);
    await pause();
  }
  const apart = document.querySelectorAll('.apart').length;
  find('disagreements').textContent = apart ?
    `On ${apart} of ${images.length} samples the files disagree (dashed).` :
    `On all ${images.length} samples the files agree.`;
  find('disagreements').textContent += ' The first one shown is that on which they differ most.';
  counts = counted(site, trial.outputs);
  showTable(site, counts);
  showCards(site, counts);
  const most = largest(trial.outputs.map(distance));
  await choose(images[most], most);
}

async function measure() {
  find('again').disabled = true;
  const context = canvas.getContext('2d');
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  trial.times = await times(networks, data, say);
  showTable(site, counts, trial.times);
  showCards(site, counts, trial.times);
  say('');
  find('again').disabled = false;
}

async function take(files) {
  if (!files.length) return;
  const source = URL.createObjectURL(files[0]);
  const image = await decoded(source).catch(() => null);
  URL.revokeObjectURL(source);
  if (!image) {
    say(`'${files[0].name}' is not an image that this browser can read.`, true);
    return;
  }
  say('');
  await guarded(() => choose(image));
}

function listen() {
  const drop = find('drop');
  find('again').addEventListener('click', () => guarded(measure));
  find('another').disabled = false;
  find('another').addEventListener('click', () => find('file').click());
  find('file').addEventListener('change', (event) => take(event.target.files));
  for (const kind of ['dragover', 'dragleave', 'drop']) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle('over', kind === 'dragover');
      if (kind === 'drop') take(event.dataTransfer.files);
    });
  }
}

await guarded(async () => {
  say('Loading LiteRT (10 MB) …');
  site = await (await fetch('site.json')).json();
  networks = await opened(site, say);
  await tryAll();
  listen();
  await measure();
  root.dataset.state = 'ready';
});
