// From images to the numbers that a file takes.

/** Draws an image to fill the canvas and returns its pixels, RGBA. */
export function drawn(canvas, image) {
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.imageSmoothingQuality = 'high';
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height).data;
}

/** The input of a file: pixel * multiply + add for every channel, in the order that it wants. */
export function inputOf(rgba, channels, {multiply, add, bgr}) {
  const count = rgba.length / 4, input = new Float32Array(count * channels);
  for (let pixel = 0; pixel < count; pixel++) {
    const [red, green, blue] = rgba.subarray(4 * pixel, 4 * pixel + 3);
    // The weights with which Pillow makes colours grey.
    const grey = Math.round(.299 * red + .587 * green + .114 * blue);
    const values = channels === 1 ? [grey] : bgr ? [blue, green, red] : [red, green, blue];
    values.forEach((value, channel) => {
      input[pixel * channels + channel] = value * multiply[channel] + add[channel];
    });
  }
  return input;
}

/** Probabilities from what a file returns: with its last activation, or none for logits. */
export function probabilitiesOf(outputs, ending) {
  if (outputs.length === 1) {
    const positive = ending ? outputs[0] : 1 / (1 + Math.exp(-outputs[0]));
    return [1 - positive, positive];
  }
  if (ending) return [...outputs];
  const most = Math.max(...outputs), powers = [...outputs].map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** Number of the largest value. */
export function largest(values) {
  return values.reduce((best, value, index) => value > values[best] ? index : best, 0);
}
