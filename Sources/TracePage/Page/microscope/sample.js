'use strict';

/**
 * One sample close up: the four cells around it, the centres at which their values hold, and the
 * weights as areas. The hollow mark is where the box puts the sample; the filled one is where the
 * map is read.
 */
const MicroscopeSample = (() => {
  const {element, svg} = Draw;
  const SIZE = 340;

  function panel() {
    const drawing = svg('svg', {viewBox: `0 0 ${SIZE} ${SIZE}`, role: 'img', class: 'sample-view'});
    const title = element('span', {class: 'panel-title'});
    const caption = element('figcaption');
    const figure = element('figure', {class: 'panel sample-panel'}, title, drawing, caption);
    const note = element('p', {class: 'note'});
    const row = Draw.panels(figure, note);

    function show(state, name, sample, index, digits) {
      const operator = name === 'align' ? 'RoIAlign' : 'RoIWarp';
      title.textContent = sample ? `Sample ${index + 1} of ${operator}, close up` : 'No sample';
      drawing.replaceChildren();
      caption.textContent = sample && !sample.inside
        ? 'This sample lies more than a cell outside the map and counts as 0.' : '';
      note.textContent = '';
      if (!sample?.inside) return;
      // Without “aligned”, the position in the box is taken as an index as it is.
      const isShifted = name === 'warp' || !state.aligned;
      drawing.append(...marks(state, sample, isShifted, digits));
      drawing.dataset.shift = isShifted ? 0.5 : 0;
      const [x, y] = [Numbers.fixed(sample.x, 3), Numbers.fixed(sample.y, 3)];
      drawing.setAttribute('aria-label', `Four cells of ${state.level.name} around the place that is `
        + `read, with weights ${sample.cells.map(({weight}) => weight.toFixed(3)).join(', ')}`);
      caption.textContent = 'Squares: cells of the map, a dot at each centre, where the cell’s value '
        + 'holds. Filled mark: where the map is read. Each weight is the area of the part opposite '
        + 'to its cell, between the four centres.';
      note.textContent = isShifted
        ? `Hollow mark: the sample’s place in the ${name === 'warp' ? 'rounded ' : ''}box, `
          + `x ${x}, y ${y} in continuous cells, where cell i reaches from i to i + 1. Code takes these `
          + 'numbers as indices, and index i is cell i, whose value holds at i + 0.5. So the map is '
          + 'read half a cell to the lower right (arrow). A sample in the very centre of a cell then '
          + 'gets a quarter of each of four cells. “aligned” takes the half cell off first'
          + (name === 'warp' ? '; RoIWarp has no such option.' : state.isTraceAligned
            ? '. This trace was made with it; torchvision’s weights were trained without it.'
            : '. The weights of this trace, like torchvision’s, were trained without it and expect '
              + 'the shift.')
        : 'With “aligned”, half a cell is taken off before the position is used as an index: '
          + `x ${x}, y ${y}. The map is read where the box puts the sample, and a sample in the `
          + 'centre of a cell gets exactly that cell’s value.';
    }
    return Object.assign(row, {show});
  }

  /** The drawing's elements. */
  function marks(state, sample, isShifted, digits) {
    const [first] = sample.cells;
    // Room above and below the four cells for their numbers.
    const [left, top] = [first.column - 0.3, first.row - 0.3];
    const scale = SIZE / 2.6;
    const x = (cell) => (cell - left) * scale;
    const y = (cell) => (cell - top) * scale;
    const found = [];
    const [lowX, lowY] = [Math.floor(left), Math.floor(top)];
    for (let row = lowY; row <= lowY + 3; row++) {
      for (let column = lowX; column <= lowX + 3; column++) {
        found.push(svg('rect', {x: x(column), y: y(row), width: scale, height: scale,
          class: 'cell'}));
      }
    }
    const read = [clampedTo(sample.x, state.map.columns) + 0.5,
      clampedTo(sample.y, state.map.rows) + 0.5];
    const corners = sample.cells.map(({row, column}) => [column + 0.5, row + 0.5]);
    const [[x1, y1], , , [x2, y2]] = corners;
    found.push(svg('rect', {x: x(x1), y: y(y1), width: (x2 - x1) * scale, height: (y2 - y1) * scale,
      class: 'between'}));
    found.push(svg('path', {class: 'cross',
      d: `M${x(read[0])} ${y(y1)}V${y(y2)}M${x(x1)} ${y(read[1])}H${x(x2)}`}));
    if (isShifted) {
      found.push(svg('line', {x1: x(sample.x), y1: y(sample.y), x2: x(read[0]), y2: y(read[1]),
        class: 'shift'}), svg('circle', {cx: x(sample.x), cy: y(sample.y), r: 6, class: 'hollow'}));
    }
    found.push(svg('circle', {cx: x(read[0]), cy: y(read[1]), r: 6, class: 'read'}));
    sample.cells.forEach((cell, index) => {
      // At the map's edge the same cell is used in place of the one beyond.
      if (cell.weight === 0 && sample.cells.findIndex(
        ({row, column}) => row === cell.row && column === cell.column) < index) return;
      const right = x(cell.column + 1) - 5;
      const line = index > 1 ? y(cell.row + 1) + 17 : y(cell.row) - 23;
      found.push(
        svg('circle', {cx: x(cell.column + 0.5), cy: y(cell.row + 0.5), r: 3, class: 'centre'}),
        text(right, line, `cell ${cell.row}, ${cell.column}`, 'place'),
        text(right, line + 15,
          `${cell.weight.toFixed(4)} × ${Numbers.fixed(cell.value, Math.min(digits, 4))}`, 'term'));
    });
    return found;
  }

  /** A position outside takes the value at the map's edge. */
  function clampedTo(position, extent) {
    return Math.min(Math.max(position, 0), extent - 1);
  }

  function text(x, y, words, kind) {
    return svg('text', {x, y, 'text-anchor': 'end', class: kind}, words);
  }

  return {panel};
})();
