'use strict';

/** Parts of the image with boxes drawn over them. */
const Scene = (() => {
  /**
   * The colours of fates, distinct for the colour-blind as well, and each with its own dashes.
   * They lie on the image, not on the page, and are the same in light and dark.
   */
  const styles = {
    kept: {colour: '#2dd4a0', dash: []},
    suppressed: {colour: '#ff9a3c', dash: [4, 3]},
    beyondLimit: {colour: '#6cb6ff', dash: [1, 3]},
    dropped: {colour: '#f5e663', dash: [8, 3, 1, 3]},
    anchor: {colour: '#ffffff', dash: [2, 2]},
    chosen: {colour: '#ffffff', dash: []},
  };

  /**
   * Sets a context so that it draws in the pixels of an image of the given size of which a region
   * fills the canvas, and draws the image there.
   *
   * @returns pixels of the image per CSS pixel
   */
  function backdrop(context, [width, height], {image, size, region = [0, 0, ...size], dim = 0}) {
    const scale = width / (region[2] - region[0]);
    context.fillStyle = '#101216';
    context.fillRect(0, 0, width, height);
    context.scale(scale, scale);
    context.translate(-region[0], -region[1]);
    if (image) {
      // Enlarged pixels are shown as the squares that they are.
      context.imageSmoothingEnabled = scale * size[0] / image.naturalWidth < 2;
      context.drawImage(image, 0, 0, ...size);
    }
    context.fillStyle = `rgb(16 18 22 / ${dim})`;
    context.fillRect(0, 0, ...size);
    return 1 / scale;
  }

  /** A box's outline; `unit` as given by `backdrop`. With a halo it stands out from others. */
  function box(
    context, [x1, y1, x2, y2], {colour, dash = []}, unit, {width = 1.5, halo = false} = {}) {
    if (halo) {
      context.setLineDash([]);
      context.lineWidth = (width + 2.5) * unit;
      context.strokeStyle = 'rgb(16 18 22 / 0.85)';
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    context.setLineDash(dash.map((each) => each * unit));
    context.lineWidth = width * unit;
    context.strokeStyle = colour;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.setLineDash([]);
  }

  /** A few words at a box's upper (or lower) left corner, inside the region shown. */
  function tag(context, text, [x1, y1, , y2], {colour}, unit, isBelow = false) {
    const size = 11 * unit;
    context.font = `600 ${size}px sans-serif`;
    const width = context.measureText(text).width + 6 * unit;
    const top = isBelow ? y2 + 4 * unit : y1 - size - 8 * unit;
    context.fillStyle = 'rgb(16 18 22 / 0.85)';
    context.fillRect(x1, top, width, size + 5 * unit);
    context.fillStyle = colour;
    context.fillText(text, x1 + 3 * unit, top + size + 0.5 * unit);
  }

  /** Strokes the path that `trace` makes, bright on dark, so that it is seen on every image. */
  function outline(context, unit, trace, colour = styles.kept.colour) {
    context.lineCap = 'square';
    context.beginPath();
    trace();
    context.lineWidth = 3 * unit;
    context.strokeStyle = 'rgb(16 18 22 / 0.6)';
    context.stroke();
    context.lineWidth = 1.4 * unit;
    context.strokeStyle = colour;
    context.stroke();
  }

  /**
   * Adds to a path the border between the pixels of a window that are inside something and all
   * others; `isInside` is given a pixel's place in the window, row by row.
   */
  function trace(path, {x1, y1, x2, y2}, isInside) {
    const [width, height] = [x2 - x1, y2 - y1];
    const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && isInside(y * width + x);
    for (let y = 0; y <= height; y++) {
      for (let x = 0; x <= width; x++) {
        const here = at(x, y);
        if (here !== at(x, y - 1)) {
          path.moveTo(x1 + x, y1 + y);
          path.lineTo(x1 + x + 1, y1 + y);
        }
        if (here !== at(x - 1, y)) {
          path.moveTo(x1 + x, y1 + y);
          path.lineTo(x1 + x, y1 + y + 1);
        }
      }
    }
  }

  /** A region of the given aspect that holds boxes, with a margin in shares of its size. */
  function around(boxes, {margin = 0.3, least = 24, aspect = 1} = {}) {
    const edges = [0, 1, 2, 3].map((edge) =>
      Math[edge < 2 ? 'min' : 'max'](...boxes.map((each) => each[edge])));
    const centre = [(edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2];
    const height = Math.max(
      (edges[2] - edges[0]) / aspect, edges[3] - edges[1], least) * (1 + 2 * margin);
    const half = [height * aspect / 2, height / 2];
    return [centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1]];
  }

  /** A sample of each style with its name. */
  function legend(entries) {
    const {element, svg} = Draw;
    return element('div', {class: 'legend fates'}, ...entries.map(([{colour, dash}, text]) => (
      element('span', {},
        svg('svg', {viewBox: '0 0 28 10', width: 28, height: 10, 'aria-hidden': 'true'},
          svg('rect', {width: 28, height: 10, rx: 2, fill: '#22252b'}),
          svg('path', {d: 'M2 5H26', stroke: colour, 'stroke-width': 2,
            'stroke-dasharray': dash.join(' ')})),
        ` ${text}`))));
  }

  return {styles, backdrop, box, tag, outline, trace, around, legend};
})();
