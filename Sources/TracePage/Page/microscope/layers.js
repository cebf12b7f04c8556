'use strict';

/** The magnified map three times: what RoIPool, RoIWarp and RoIAlign read. */
const MicroscopeLayers = (() => {
  const GREEN = '#0a8f45';
  const ORANGE = '#e07b00';
  const YELLOW = '#ffd21f';

  const names = [['pool', 'RoIPool'], ['warp', 'RoIWarp'], ['align', 'RoIAlign']];

  /** The bins of an operator: lines along x and y, and `[x1, y1, x2, y2]` of one bin. */
  function layout(name, operator) {
    const {vertical, horizontal} = operator;
    if (name === 'pool') {
      const lines = (axis) => [...new Set(axis.bins.flat())].sort((a, b) => a - b);
      return {xs: lines(horizontal), ys: lines(vertical), bin: (row, column) => [
        horizontal.bins[column][0], vertical.bins[row][0],
        horizontal.bins[column][1], vertical.bins[row][1]]};
    }
    // Code counts from the first cell's centre, the drawing from its edge.
    const [xs, ys] = [horizontal, vertical].map(({edges}) => edges.map((edge) => edge + 0.5));
    return {xs, ys, bin: (row, column) => [xs[column], ys[row], xs[column + 1], ys[row + 1]]};
  }

  function draw(context, view, state, name) {
    const operator = state[name];
    const {xs, ys, bin} = layout(name, operator);
    const {x, y, scale} = view;
    const rectangle = ([x1, y1, x2, y2]) => context.strokeRect(
      x(x1), y(y1), (x2 - x1) * scale, (y2 - y1) * scale);
    if (name === 'pool') shared(context, view, operator, xs, ys);
    MicroscopeMap.outlined(context, () => {
      context.beginPath();
      for (const each of xs) {
        context.moveTo(x(each), y(ys[0]));
        context.lineTo(x(each), y(ys.at(-1)));
      }
      for (const each of ys) {
        context.moveTo(x(xs[0]), y(each));
        context.lineTo(x(xs.at(-1)), y(each));
      }
      context.stroke();
    }, {width: 1, ink: '#3c3c3c', halo: 'rgb(255 255 255 / 55%)'});
    MicroscopeMap.outlined(context, () => rectangle([xs[0], ys[0], xs.at(-1), ys.at(-1)]),
      {width: 2, ink: '#3c3c3c', halo: 'rgb(255 255 255 / 55%)'});
    if (name !== 'pool') samples(context, view, operator);
    MicroscopeMap.outlined(
      context, () => rectangle(bin(state.row, state.column)), {width: 2.5, ink: GREEN});
    MicroscopeMap.outlined(
      context, () => rectangle(state.box.map((edge) => edge * state.map.scale)),
      {width: 1.75, dash: [6, 4]});
  }

  /** Marks rows and columns that two bins of RoIPool share, beside the box. */
  function shared(context, {x, y, scale}, {vertical, horizontal}, xs, ys) {
    const both = ({bins}) => bins.slice(1)
      .map(([first], index) => [first, bins[index][1]]).filter(([first, end]) => first < end);
    const size = 5;
    context.fillStyle = ORANGE;
    for (const [first, end] of both(horizontal)) {
      context.fillRect(x(first), y(ys[0]) - size - 2, (end - first) * scale, size);
    }
    for (const [first, end] of both(vertical)) {
      context.fillRect(x(xs[0]) - size - 2, y(first), size, (end - first) * scale);
    }
  }

  /** The samples, where the map is read, unless they would cover it. */
  function samples(context, {x, y, scale}, {vertical, horizontal}) {
    const apart = scale * Math.min(
      horizontal.binSize / horizontal.samples, vertical.binSize / vertical.samples);
    if (!(apart >= 3)) return;
    const radius = Math.min(Math.max(apart / 6, 0.8), 3);
    context.fillStyle = YELLOW;
    context.strokeStyle = '#222';
    context.lineWidth = 0.8;
    for (const [down] of vertical.positions) {
      for (const [across] of horizontal.positions) {
        context.beginPath();
        context.arc(x(across + 0.5), y(down + 0.5), radius, 0, 2 * Math.PI);
        context.fill();
        if (radius > 1) context.stroke();
      }
    }
  }

  /** The bin at a place of the map, in continuous cells; null beside the bins. */
  function binAt(name, operator, across, down) {
    const {bin} = layout(name, operator);
    for (let row = 0; row < operator.bins; row++) {
      for (let column = 0; column < operator.bins; column++) {
        const [x1, y1, x2, y2] = bin(row, column);
        if (across >= x1 && across < x2 && down >= y1 && down < y2) return {row, column};
      }
    }
    return null;
  }

  function caption(name, {level, aligned, samplingRatio}) {
    const ratio = samplingRatio === 0 ? 'one sample per cell of the bin'
      : `${samplingRatio} × ${samplingRatio} samples per bin`;
    if (name === 'pool') {
      return 'The corners are rounded to whole cells, then the bins once more. A bin gives its '
        + 'greatest cell.';
    }
    if (name === 'warp') {
      return `The corners are rounded as in RoIPool; ${ratio}, each interpolated between four cells.`;
    }
    return `Nothing is rounded; ${ratio}. ` + (aligned
      ? 'With “aligned” the bins lie on the box.'
      : `Without “aligned” all is read half a cell of ${level.name} to the lower right of the box.`);
  }

  /** The three panels. */
  function panels(frame) {
    const figures = names.map(([name, title]) => {
      let view;
      const canvas = Draw.canvas((context, width, height) => {
        if (!Microscope.state) return;
        view = MicroscopeMap.ground(context, width, height, Microscope.state, frame);
        canvas.dataset.cells = frame.cells().join(' ');
        const [left, top] = [view.x(frame.cells()[0]), view.y(frame.cells()[1])];
        canvas.dataset.plot = [left, top, view.side].join(' ');
        context.save();
        context.beginPath();
        context.rect(left, top, view.side, view.side);
        context.clip();
        draw(context, view, Microscope.state, name);
        context.restore();
      }, {label: `Where ${title} reads the map`, class: 'map', 'data-map': name});
      canvas.addEventListener('click', (event) => {
        const bounds = canvas.getBoundingClientRect();
        const [x1, y1] = frame.cells();
        const bin = binAt(name, Microscope.state[name],
          x1 + (event.clientX - bounds.left - view.x(x1)) / view.scale,
          y1 + (event.clientY - bounds.top - view.y(y1)) / view.scale);
        if (bin) Microscope.update(bin, 'bin');
      });
      const text = Draw.element('span');
      Microscope.listen((state) => {
        text.textContent = caption(name, state);
        canvas.redraw();
      });
      return Draw.panel(canvas, text, title);
    });
    return Draw.columns(...figures);
  }

  /** What the lines of the maps mean. */
  function legend() {
    const entries = [['dashed', 'the box'], ['line', 'bins, what is read'], ['dot', 'sample'],
      ['chosen', 'chosen bin'], ['shared', 'row or column that two bins of RoIPool share']];
    return Draw.element('ul', {class: 'keys'}, ...entries.map(([kind, text]) => Draw.element('li', {},
      Draw.element('span', {class: `key key-${kind}`, 'aria-hidden': 'true'}), text)));
  }

  return {names, panels, legend};
})();
