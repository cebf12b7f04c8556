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

  /** A strip that shows a scale with its ends and, where it diverges, its middle. */
  function legend(scale, unit = '') {
    const element = document.createElement('div');
    element.className = 'legend';
    const strip = document.createElement('span');
    strip.className = 'strip';
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255]
      .map((index) => `rgb(${scale.colours[index].join(' ')})`);
    strip.style.background = `linear-gradient(to right, ${stops.join(', ')})`;
    const [least, greatest, name] = [document.createElement('span'),
      document.createElement('span'), document.createElement('span')];
    least.textContent = number(scale.least);
    greatest.textContent = number(scale.greatest);
    name.textContent = unit;
    element.append(least, strip, greatest, name);
    return element;
  }

  /** A number in about four digits. */
  function number(value) {
    if (!Number.isFinite(value)) return String(value);
    if (Number.isInteger(value)) return String(value).replace('-', '−');
    const size = Math.abs(value);
    const text = size >= 1e-3 && size < 1e5
      ? value.toFixed(Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(size)))))
      : value.toExponential(2);
    return text.replaceAll('-', '−');
  }

  return {range, scale, colour, css, image, legend, number};
})();
