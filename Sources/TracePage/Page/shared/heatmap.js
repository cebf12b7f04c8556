'use strict';

/** Numbers as colours. */
const Heatmap = (() => {
  /** Least and greatest finite number. */
  function range(values) {
    let [least, greatest] = [Infinity, -Infinity];
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    return least <= greatest ? {least, greatest} : {least: 0, greatest: 1};
  }

  /**
   * A scale from numbers to colours: diverging and even about 0 where some number is negative and
   * some is positive, sequential otherwise.
   */
  function scale({least, greatest}) {
    if (least < 0 && greatest > 0) {
      const end = Math.max(-least, greatest);
      return {least: -end, greatest: end, colours: Page.colours.diverging};
    }
    return {least, greatest, colours: Page.colours.sequential};
  }

  /** The colour `[r, g, b]` of a number; numbers outside are clamped, NaN is marked. */
  function colour(value, {least, greatest, colours}) {
    if (Number.isNaN(value)) return [255, 0, 255];
    const position = greatest > least ? (value - least) / (greatest - least) : 0;
    // An end that is infinite leaves no position.
    return colours[Math.round(Math.min(Math.max(position || 0, 0), 1) * 255)];
  }

  /** The colour for CSS. */
  function css(value, scale) {
    return `rgb(${colour(value, scale).join(' ')})`;
  }

  /** A canvas of one pixel per cell, to be drawn enlarged with `imageSmoothingEnabled = false`. */
  function image(values, rows, columns, scale) {
    const canvas = document.createElement('canvas');
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext('2d');
    const pixels = context.createImageData(columns, rows);
    for (let index = 0; index < rows * columns; index++) {
      const [red, green, blue] = colour(values[index], scale);
      pixels.data.set([red, green, blue, 255], 4 * index);
    }
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  /** The same as large as its place: a square of `side` by `side` cells. */
  function square(values, side, scale, label) {
    const cells = image(values, side, side, scale);
    return Draw.canvas((context, width, height) => {
      context.imageSmoothingEnabled = false;
      context.drawImage(cells, 0, 0, width, height);
    }, {label});
  }

  /** A strip that shows a scale with its ends and, where it diverges, its middle. */
  function legend({least, greatest, colours}, unit = '') {
    const {element} = Draw;
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255]
      .map((index) => `rgb(${colours[index].join(' ')})`);
    return element('div', {class: 'legend'},
      element('span', {}, Numbers.short(least)),
      element('span', {class: 'strip',
        style: `background: linear-gradient(to right, ${stops.join(', ')})`}),
      element('span', {}, Numbers.short(greatest)),
      element('span', {}, unit));
  }

  return {range, scale, colour, css, image, square, legend};
})();
