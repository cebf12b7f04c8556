'use strict';

/** The box's edges in pixels and cells, and by how much each operator's reading misses them. */
const MicroscopeEdges = (() => {
  const {element} = Draw;
  const names = ['left', 'top', 'right', 'bottom'];

  /** First and last edge that an operator reads along an axis, in continuous cells. */
  function read(name, {vertical, horizontal}) {
    // What is read by index lies half a cell further in continuous cells.
    const shift = name === 'pool' ? 0 : 0.5;
    return [horizontal.first, vertical.first, horizontal.end, vertical.end]
      .map((edge) => edge + shift);
  }

  /** An error of some cells, in cells and pixels. */
  function error(cells, stride) {
    // Three digits of a cell: RoIAlign computes in 32 bits, and its last bits are no shift.
    const size = Math.round(cells * 1000) / 1000 || 0;
    const sign = (value, digits) => (value > 0 ? '+' : '') + Numbers.fixed(value, digits);
    return element('td', {class: 'figure', 'data-cells': cells},
      `${sign(size, 3)} (${sign(size && cells * stride, 2)})`);
  }

  /** The table, kept up to date. */
  function table() {
    const head = element('thead');
    const body = element('tbody');
    const level = element('p', {class: 'readout', 'data-box': ''});
    Units.listen(() => show(Microscope.state));
    Microscope.listen(show);

    function show(state) {
      const {box, map} = state;
      const {stride, name} = state.level;
      head.replaceChildren(element('tr', {}, ...['edge', 'input pixels', `cells of ${name}`,
        'RoIPool reads from / to', 'RoIPool off by, cells (input pixels)', 'RoIWarp off by',
        'RoIAlign off by']
        .map((text, index) => element('th', {scope: 'col', class: index ? 'figure' : ''}, text))));
      const operators = ['pool', 'warp', 'align'].map((each) => read(each, state[each]));
      body.replaceChildren(...names.map((edge, index) => {
        const cells = Math.fround(box[index] * map.scale);
        return element('tr', {'data-edge': edge}, element('th', {scope: 'row'}, edge),
          element('td', {class: 'figure', 'data-pixels': box[index]}, Numbers.fixed(box[index], 3)),
          element('td', {class: 'figure', 'data-value': cells}, Numbers.fixed(cells, 4)),
          element('td', {class: 'figure'}, Numbers.fixed(operators[0][index], 0)),
          ...operators.map((edges) => error(edges[index] - cells, stride)));
      }));
      const [width, height] = [box[2] - box[0], box[3] - box[1]];
      level.dataset.box = box.join(' ');
      level.dataset.level = name;
      level.textContent = `Box of ${Units.along(0, width)} × ${Units.along(1, height)} ${Units.name}, `
        + `${Numbers.fixed(width / stride, 2)} × ${Numbers.fixed(height / stride, 2)} cells of ${name} `
        + `(${Units.along(0, stride)} × ${Units.along(1, stride)} ${Units.name} each). ${reason(state)}`;
    }

    return [level, element('div', {class: 'scroller', tabindex: 0, role: 'region',
      'aria-label': 'Edges of the box'},
    element('table', {class: 'edges'}, head, body)), element('p', {class: 'note'},
      'An edge reads + when it lies further right or down than the box’s own. RoIPool and RoIWarp '
      + 'round to whole cells and count the last cell in full: left and top miss by up to half a '
      + 'cell, right and bottom by up to one and a half. RoIWarp then samples by index, half a cell '
      + 'further; RoIAlign has only that half cell, and none with “aligned”. This half cell is the '
      + 'same for every box and the weights were trained with it; RoIPool’s error differs from box '
      + 'to box. Without “aligned” a box is read as at least one cell wide and high.')];
  }

  /** Why the box is read from its level. */
  function reason({box, choice, automatic, level, rule: by}) {
    const side = Math.sqrt(Math.max((box[2] - box[0]) * (box[3] - box[1]), 0));
    const rule = `with its area in input pixels, floor(${by.canonicalLevel} + `
      + `log2(${Numbers.fixed(side, 1)} / ${by.canonicalScale})), `
      + `limited to ${by.least} … ${by.greatest}, is ${automatic}`;
    if (choice !== 'auto') return `Its level was chosen by hand; by its size: ${rule}.`;
    return level.name === `P${automatic}` ? `Its level: ${rule}.`
      : `By its size: ${rule}, which this page does not hold; ${level.name} is the nearest.`;
  }

  return {table};
})();
