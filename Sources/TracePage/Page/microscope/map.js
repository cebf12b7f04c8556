'use strict';

/**
 * The level's real feature map, magnified around the box, with what one operator reads there.
 *
 * Positions are drawn in continuous cells: cell i reaches from i to i + 1, and its value holds at
 * its centre i + 0.5. Code finds that value at index i, so a sample that code reads at x is drawn
 * at x + 0.5.
 */
const MicroscopeMap = (() => {
  const margin = {left: 50, right: 6, top: 6, bottom: 42};

  /**
   * The cells that are shown: a square around all that any operator reads. It follows the box only
   * when it must, and not while the box is dragged close up, so that nothing swims under the hand.
   */
  function follow() {
    let [x, y, side] = [0, 0, 1];
    let isHeld = false;
    let key = '';
    let limits;

    function reach({pool, align, warp}) {
      const span = (...axes) => [
        Math.min(...axes.map(({first}) => first)), Math.max(...axes.map(({end}) => end)) + 0.5];
      const across = span(pool.horizontal, warp.horizontal, align.horizontal);
      const down = span(pool.vertical, warp.vertical, align.vertical);
      return [across[0], down[0], across[1], down[1]];
    }

    /** Looks whether the frame still fits. */
    function fit(state) {
      const [left, top, right, bottom] = reach(state);
      const needed = Math.ceil(Math.max(right - left, bottom - top)) + 4;
      const fits = left - 1 >= x && top - 1 >= y && right + 1 <= x + side && bottom + 1 <= y + side
        && side <= 1.6 * needed;
      const now = `${state.level.name}/${state.channel}`;
      if ((!fits && !isHeld) || key.split('/')[0] !== state.level.name) {
        side = needed + 2;
        x = Math.round((left + right - side) / 2);
        y = Math.round((top + bottom - side) / 2);
        limits = null;
      }
      if (now !== key) limits = null;
      key = now;
      limits ??= range(state.map);
    }

    function range({values, rows, columns}) {
      const seen = [];
      for (let row = Math.max(y, 0); row < Math.min(y + side, rows); row++) {
        for (let column = Math.max(x, 0); column < Math.min(x + side, columns); column++) {
          seen.push(values[row * columns + column]);
        }
      }
      return Heatmap.scale(Heatmap.range(seen));
    }

    return {
      fit,
      hold(value) {
        isHeld = value;
        if (!value) Microscope.update({}, 'frame');
      },
      /** The cells, `[x1, y1, x2, y2]`. */
      cells: () => [x, y, x + side, y + side],
      /** The same in pixels of the resized image. */
      pixels: () => [x, y, x + side, y + side].map((edge) => edge * Microscope.state.level.stride),
      /** One scale of colours for the maps and all outputs. */
      get scale() { return limits; },
    };
  }

  /** The cells in the frame as an image of one pixel each, and its place; kept while it fits. */
  const images = (() => {
    let [key, kept] = ['', null];
    return ({map, level, channel}, {least, greatest, colours}, cells) => {
      const now = [level.name, channel, least, greatest, ...cells].join('/');
      if (now === key) return kept;
      key = now;
      const [left, right] = [cells[0], cells[2]].map((x) => Math.min(Math.max(x, 0), map.columns));
      const [top, bottom] = [cells[1], cells[3]].map((y) => Math.min(Math.max(y, 0), map.rows));
      const [across, down] = [right - left, bottom - top];
      kept = null;
      if (across <= 0 || down <= 0) return kept;
      const part = new Float32Array(across * down);
      for (let row = 0; row < down; row++) {
        const first = (top + row) * map.columns + left;
        part.set(map.values.subarray(first, first + across), row * across);
      }
      const image = Heatmap.image(part, down, across, {least, greatest, colours});
      kept = {image, left, top, across, down};
      return kept;
    };
  })();

  /** Draws the map, its cells and its axes; gives the functions from cells to the canvas. */
  function ground(context, width, height, state, frame) {
    const [x1, y1, x2, y2] = frame.cells();
    const side = Math.max(1, Math.min(width - margin.left - margin.right,
      height - margin.top - margin.bottom));
    const scale = side / (x2 - x1);
    const x = (cell) => margin.left + (cell - x1) * scale;
    const y = (cell) => margin.top + (cell - y1) * scale;
    context.save();
    context.beginPath();
    context.rect(margin.left, margin.top, side, side);
    context.clip();
    context.fillStyle = Draw.colour('shade');
    context.fillRect(margin.left, margin.top, side, side);
    context.imageSmoothingEnabled = false;
    const part = images(state, frame.scale, frame.cells());
    if (part) {
      const {image, left, top, across, down} = part;
      context.drawImage(image, x(left), y(top), across * scale, down * scale);
    }
    if (scale >= 5) {
      context.strokeStyle = 'rgb(128 128 128 / 35%)';
      context.lineWidth = 0.5;
      context.beginPath();
      for (let cell = x1; cell <= x2; cell++) {
        context.moveTo(x(cell), margin.top);
        context.lineTo(x(cell), margin.top + side);
      }
      for (let cell = y1; cell <= y2; cell++) {
        context.moveTo(margin.left, y(cell));
        context.lineTo(margin.left + side, y(cell));
      }
      context.stroke();
    }
    context.restore();
    const axis = (name, place, least, greatest, count) => ({
      name: `${name}, cells of ${state.level.name}`,
      ticks: Draw.ticks(least, greatest, count, 1).map(
        (cell) => [place(cell), Numbers.short(cell)]),
    });
    Draw.axes(context, [margin.left, margin.top, side, side],
      axis('x', x, x1, x2, side / 55), axis('y', y, y1, y2, side / 45));
    return {x, y, scale, side};
  }

  /** A stroke that stands out on light and on dark cells. */
  function outlined(context, draw, {width = 1, dash = [], ink = '#111', halo = '#fff'}) {
    context.setLineDash([]);
    context.strokeStyle = halo;
    context.lineWidth = width + 2;
    draw();
    context.setLineDash(dash);
    context.strokeStyle = ink;
    context.lineWidth = width;
    draw();
    context.setLineDash([]);
  }

  return {follow, ground, outlined};
})();
