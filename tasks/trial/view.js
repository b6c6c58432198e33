// What the page shows, from numbers.
import {largest} from './pixels.js';

// Of more classes, those are shown that some file finds most likely.
const MOST = 5;

export const find = (id) => document.getElementById(id);

/** An element with attributes and children; text is text. */
export function made(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

export function milliseconds(value) {
  return `${value < 1 ? value.toFixed(3) : value.toPrecision(Math.max(3, `${Math.round(value)}`.length))} ms`;
}

function times(factor) {
  return `${factor < 10 ? factor.toFixed(2) : factor.toFixed(1)} ×`;
}

/** One group of bars for each class. */
export function showBars(site, results) {
  const order = site.classes.map((_, index) => index);
  if (order.length > MOST) {
    const most = (index) => Math.max(...results.map((result) => result[index]));
    order.sort((a, b) => most(b) - most(a)).splice(MOST);
  }
  const decided = results.map(largest);
  find('bars').replaceChildren(...order.map((index) => made('div', {class: 'row'},
    made('span', {class: 'name'}, site.classes[index]),
    made('div', {}, ...results.map((result, number) => made('div',
      {class: `bar c${number}${decided[number] === index ? ' first' : ''}`},
      made('i', {style: `width: ${100 * result[index]}%`}),
      made('span', {}, percent(result[index]))))))));
}

/** Large figures: the first slim file against the dense one. */
export function showCards(site, counts, spans) {
  const [dense, slim] = site.models, all = site.images.length;
  const cards = [
    ['same class', `${counts[1].same} of ${all}`, `${slim.title} decides as ${dense.title}`],
    ['smaller', times(dense.bytes / slim.bytes), `${slim.size}, ${dense.title} ${dense.size}`],
  ];
  if (spans) {
    const [before, after] = spans.map((span) => span.median);
    cards.splice(1, 0, ['speed in this browser', times(before / after),
      `${milliseconds(after)} for an image, ${dense.title} ${milliseconds(before)}`]);
  }
  if (site.labelled) {
    cards.push(['right answers', `${counts[1].right} of ${all}`,
      `${slim.title}, ${dense.title} ${counts[0].right} of ${all}`]);
  }
  find('cards').replaceChildren(...cards.map(([name, value, note]) => made('div', {class: 'card'},
    made('div', {class: 'name'}, name), made('div', {class: 'value'}, value),
    made('div', {class: 'note'}, note))));
}

/** How often each file decides as the dense one, and as the labels. */
export function counted(site, outputs) {
  const decided = outputs.map((results) => results.map(largest));
  return site.models.map((_, number) => ({
    same: decided.filter((classes) => classes[number] === classes[0]).length,
    right: decided.filter((classes, i) => classes[number] === site.images[i].label).length,
  }));
}

/** The cells of the table. */
export function showTable(site, counts, spans) {
  const all = site.images.length;
  site.models.forEach((_, number) => {
    find(`same-${number}`).textContent = number ? `${counts[number].same} of ${all}` : '–';
    if (site.labelled) find(`right-${number}`).textContent = `${counts[number].right} of ${all}`;
    if (!spans) return;
    const {low, median, high} = spans[number];
    find(`time-${number}`).textContent = milliseconds(median);
    find(`spread-${number}`).textContent =
      `${milliseconds(low).replace(' ms', '')} – ${milliseconds(high)}`;
  });
}
