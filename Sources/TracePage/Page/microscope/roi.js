'use strict';

/**
 * RoIPool, RoIWarp and RoIAlign on one channel of one level, as the module computes them. A map is
 * `{values, rows, columns, scale}`: a Float32Array in row-major order, and cells per input pixel. A
 * box is `[x1, y1, x2, y2]` in input pixels, a bin grid is `bins` x `bins`.
 */
const RoI = (() => {
  /** The level that a box is read from, 2 for P2, by the trace's rule or torchvision's. */
  function level(box, rule) {
    return Page.network.levels(box, rule).levels[0];
  }

  /** What an operator (`pool`, `warp`, `align`) makes of each box: all bins' values, row by row. */
  function grids(operator, {values, rows, columns, scale}, boxes, options = {}, bins = 7) {
    const {data} = Page.network.roiFeatures({shape: [1, rows, columns], data: values}, boxes.flat(),
      scale, [bins, bins], {operator, ...options});
    return boxes.map((_, index) => data.subarray(index * bins * bins, (index + 1) * bins * bins));
  }

  /**
   * What an operator reads of one box: its `grid`; along both axes (`vertical`, `horizontal`) `first`
   * and `end`, between which it reads, and where bins and samples lie (`poolAxis` and `sampleAxes` of
   * the module); and `explain(row, column)`, all that enters a bin.
   */
  function read(operator, map, box, options = {}, bins = 7) {
    const [grid] = grids(operator, map, [box], options, bins);
    const found = {bins, grid, ...axes(operator, map, box, options, bins)};
    const explain = operator === 'pool' ? cells : samples;
    return {...found, explain: (row, column) => ({output: grid[row * bins + column],
      ...explain(found, map, row, column, {operator, box, ...options})})};
  }

  function axes(operator, {rows, columns, scale}, box, options, bins) {
    const {network} = Page;
    if (operator === 'pool') {
      const [x1, y1, x2, y2] = box;
      return {horizontal: network.poolAxis(x1, x2, scale, bins, columns),
        vertical: network.poolAxis(y1, y2, scale, bins, rows)};
    }
    const {x, y} = network.sampleAxes(box, [rows, columns], scale, [bins, bins],
      {operator, ...options});
    return {horizontal: x, vertical: y};
  }

  /** Every cell of a bin of RoIPool, and the first of those that hold its output; -1 without cells. */
  function cells({grid, bins, vertical, horizontal}, {values, columns: width}, row, column) {
    const [rows, columns] = [vertical.bins[row], horizontal.bins[column]];
    const cells = [];
    for (let y = rows[0]; y < rows[1]; y++) {
      for (let x = columns[0]; x < columns[1]; x++) {
        cells.push({row: y, column: x, value: values[y * width + x]});
      }
    }
    const output = grid[row * bins + column];
    return {rows, columns, cells, winner: cells.findIndex(({value}) => value === output)};
  }

  /** Every sample of a bin of RoIWarp or RoIAlign; which is the greatest, where that is taken. */
  function samples({bins}, {values, rows, columns, scale}, row, column, {box, ...options}) {
    const found = Page.network.binSamples({shape: [rows, columns], data: values}, box, scale,
      [bins, bins], options, [row, column]);
    const maximum = options.maximum === true;
    return {...found, maximum, winner: maximum ? found.winner : -1};
  }

  return {level, grids, read};
})();
