// The LiteRT files of the page, ready to run on one image at a time.
import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';
import {inputOf, probabilitiesOf} from './pixels.js';

class Network {
  constructor(about, shape, compiled) {
    Object.assign(this, {about, shape, compiled});
  }

  /** Probabilities of the classes for the pixels of a canvas. */
  async probabilities(rgba) {
    const tensor = this.tensor(rgba);
    try {
      const [output] = await this.compiled.run(tensor);
      const values = Float32Array.from(await output.data());
      output.delete();
      return probabilitiesOf(values, this.about.ending);
    } finally {
      tensor.delete();
    }
  }

  /** The input for the pixels of a canvas; whoever takes it deletes it. */
  tensor(rgba) {
    return new Tensor(inputOf(rgba, this.shape[2], this.about), [1, ...this.shape]);
  }

  /** Runs so many times and returns the milliseconds of one. */
  async timed(tensor, count) {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      for (const output of await this.compiled.run(tensor)) output.delete();
    }
    return (performance.now() - start) / count;
  }
}

/** Loads the runtime, for one thread of the processor. */
async function loaded() {
  // It looks for a graphics card on its own, and complains where there is none.
  const none = {limits: {}, features: new Set(), requestDevice: async () => null};
  Object.defineProperty(navigator, 'gpu',
    {value: {requestAdapter: async () => none}, configurable: true});
  // All that it has to say goes to the console as errors; its errors are thrown as well.
  globalThis.Module = {printErr: () => {}};
  await loadLiteRt('./litert/wasm/');
}

/** Loads the runtime and the files. */
export async function opened(site, say) {
  await loaded();
  const networks = [];
  for (const about of site.models) {
    say(`Loading ${about.title} (${about.size}) …`);
    const compiled = await loadAndCompile(about.file, {accelerator: 'wasm'});
    networks.push(new Network(about, site.shape, compiled));
  }
  return networks;
}
