'use strict';

/**
 * RoIPool, RoIWarp and RoIAlign on one channel of one level.
 *
 * The arithmetic is that of `Sources/Stage4RoI`, in its order and rounded to 32 bits after every
 * step, so that the numbers are the stage's own. A map is
 * `{values, rows, columns, scale}`: a Float32Array in row-major order, and cells per pixel.
 * A box is `[x1, y1, x2, y2]` in pixels of the resized image, a bin grid is `bins` x `bins`.
 */
const RoI = (() => {
  const f = Math.fround;

  /** The nearest whole number, halves away from zero, as C's `round`. */
  function rounded(value) {
    if (!Number.isFinite(value)) return 0;
    const size = Math.min(Math.floor(Math.abs(value) + 0.5), 1e9);
    return value < 0 ? -size : size;
  }

  function clamped(value, least, greatest) {
    return Math.min(Math.max(value, least), greatest);
  }

  /** The pyramid level that fits a box, limited to the levels of the trace's rule. */
  function level(box, rule = Page.rule) {
    const number = Math.floor(Page.level(box, rule));
    return Number.isNaN(number) ? rule.least : clamped(number, rule.least, rule.greatest);
  }

  /**
   * RoIPool's cells along one axis: `{start, extent, bins}`. The corner's cell, how many cells up
   * to the other corner's, both counted, and the half-open range `[first, end]` of each bin.
   */
  function quantised(low, high, scale, count, limit) {
    const start = rounded(f(low * scale));
    const extent = Math.max(rounded(f(high * scale)) - start + 1, 1);
    const size = f(f(extent) / count);
    const bins = Array.from({length: count}, (_, index) => {
      const first = clamped(Math.floor(f(index * size)) + start, 0, limit);
      const end = clamped(Math.ceil(f((index + 1) * size)) + start, 0, limit);
      return [first, Math.max(first, end)];
    });
    return {start, extent, bins};
  }

  /** Samples per bin along an axis: the ratio, or for 0 one per cell that a bin spans. */
  function sampleCount(ratio, binSize) {
    if (ratio > 0) return ratio;
    return Number.isFinite(binSize) ? Math.max(0, Math.min(Math.ceil(binSize), 1e6)) : 0;
  }

  /**
   * RoIAlign's samples along one axis. Unaligned, edges lie at x s and the box is at least a cell
   * wide; aligned, half a cell is taken off, because cell i is found at index i but has its centre
   * at i + 0.5.
   */
  function alignAxis(low, high, scale, count, limit, {samplingRatio, aligned}) {
    const offset = aligned ? 0.5 : 0;
    const start = f(f(low * scale) - offset);
    const extent = f(f(f(high * scale) - offset) - start);
    return sampledAxis(start, aligned ? extent : Math.max(extent, 1), count, limit, samplingRatio);
  }

  /** RoIWarp's: corners rounded to whole cells, the far corner's cell counted in full. */
  function warpAxis(low, high, scale, count, limit, {samplingRatio}) {
    const start = rounded(f(low * scale));
    const extent = Math.max(rounded(f(high * scale)) - start + 1, 1);
    return sampledAxis(f(start), f(extent), count, limit, samplingRatio);
  }

  /**
   * Samples along one axis: where each lies, in cells, counted from the first cell's centre; the
   * two cells that it lies between, and the weight of each. One more than a cell outside the map
   * is not `inside` and counts as 0.
   */
  function sampledAxis(start, extent, count, limit, ratio) {
    const binSize = f(extent / count);
    const samples = sampleCount(ratio, binSize);
    const total = count * samples;
    const axis = {
      start, extent, binSize, samples, position: new Float32Array(total),
      low: new Int32Array(total), high: new Int32Array(total),
      lowWeight: new Float32Array(total), highWeight: new Float32Array(total),
      inside: new Uint8Array(total),
    };
    for (let index = 0; index < total; index++) {
      const [bin, sample] = [Math.floor(index / samples), index % samples];
      const position =
        f(f(start + f(bin * binSize)) + f(f((sample + 0.5) * binSize) / samples));
      axis.position[index] = position;
      if (!(position >= -1 && position <= limit)) continue;
      axis.inside[index] = 1;
      const within = Math.max(position, 0);
      const cell = Math.floor(within);
      const isLast = cell >= limit - 1;
      axis.low[index] = isLast ? limit - 1 : cell;
      axis.high[index] = isLast ? limit - 1 : cell + 1;
      axis.highWeight[index] = isLast ? 0 : f(within - cell);
      axis.lowWeight[index] = f(1 - axis.highWeight[index]);
    }
    return axis;
  }

  /** RoIPool: each bin's greatest cell, 0 for a bin without cells. */
  function pool(map, [x1, y1, x2, y2], bins = 7) {
    const vertical = quantised(y1, y2, map.scale, bins, map.rows);
    const horizontal = quantised(x1, x2, map.scale, bins, map.columns);

    function bin(row, column) {
      const [top, bottom] = vertical.bins[row];
      const [left, right] = horizontal.bins[column];
      if (top >= bottom || left >= right) return 0;
      let greatest = -f(3.4028234663852886e38);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const value = map.values[y * map.columns + x];
          if (value >= greatest) greatest = value;
        }
      }
      return greatest;
    }

    /** Every cell of a bin; the first that holds the greatest value won. */
    function explain(row, column) {
      const [rows, columns] = [vertical.bins[row], horizontal.bins[column]];
      const output = bin(row, column);
      const cells = [];
      let winner = -1;
      for (let y = rows[0]; y < rows[1]; y++) {
        for (let x = columns[0]; x < columns[1]; x++) {
          const value = map.values[y * map.columns + x];
          if (winner < 0 && value === output) winner = cells.length;
          cells.push({row: y, column: x, value});
        }
      }
      return {rows, columns, cells, winner, output};
    }

    return {bins, vertical, horizontal, bin, explain, grid: () => all(bins, bin)};
  }

  /** RoIWarp: as RoIAlign, on a RoI whose corners were rounded as RoIPool rounds them. */
  function warp(map, box, {samplingRatio, maximum = false}, bins = 7) {
    return sampled(map, box, bins, warpAxis, {samplingRatio}, maximum);
  }

  /** RoIAlign: nothing is rounded; the average, or the maximum, of bilinear samples. */
  function align(map, box, {samplingRatio, aligned, maximum = false}, bins = 7) {
    return sampled(map, box, bins, alignAxis, {samplingRatio, aligned}, maximum);
  }

  function sampled(map, [x1, y1, x2, y2], bins, axis, options, maximum) {
    const {values, columns} = map;
    const vertical = axis(y1, y2, map.scale, bins, map.rows, options);
    const horizontal = axis(x1, x2, map.scale, bins, map.columns, options);
    const count = Math.max(vertical.samples * horizontal.samples, 1);

    /** One sample, by its place on both axes: four cells, each by its weight. */
    function sample(v, h) {
      if (!vertical.inside[v] || !horizontal.inside[h]) return 0;
      const vl = vertical.lowWeight[v];
      const vh = vertical.highWeight[v];
      const hl = horizontal.lowWeight[h];
      const hh = horizontal.highWeight[h];
      const above = vertical.low[v] * columns;
      const below = vertical.high[v] * columns;
      const left = horizontal.low[h];
      const right = horizontal.high[h];
      return f(f(f(f(f(vl * hl) * values[above + left]) + f(f(vl * hh) * values[above + right]))
        + f(f(vh * hl) * values[below + left])) + f(f(vh * hh) * values[below + right]));
    }

    function bin(row, column) {
      let [sum, greatest] = [0, -Infinity];
      for (let i = 0; i < vertical.samples; i++) {
        for (let j = 0; j < horizontal.samples; j++) {
          const value = sample(row * vertical.samples + i, column * horizontal.samples + j);
          sum = f(sum + value);
          if (value >= greatest) greatest = value;
        }
      }
      if (maximum) return Number.isFinite(greatest) ? greatest : 0;
      return f(sum / count);
    }

    /** Every sample of a bin: where it lies, its four cells with weight and product, their sum. */
    function explain(row, column) {
      const samples = [];
      for (let i = 0; i < vertical.samples; i++) {
        for (let j = 0; j < horizontal.samples; j++) {
          const v = row * vertical.samples + i;
          const h = column * horizontal.samples + j;
          const inside = vertical.inside[v] === 1 && horizontal.inside[h] === 1;
          samples.push({
            x: horizontal.position[h], y: vertical.position[v], inside, value: sample(v, h),
            cells: inside ? cells(v, h) : [],
          });
        }
      }
      const output = bin(row, column);
      const winner = maximum ? samples.findIndex((each) => each.value === output) : -1;
      const total = samples.reduce((sum, each) => f(sum + each.value), 0);
      return {samples, winner, total, count, maximum, output};
    }

    function cells(v, h) {
      const sides = [['low', 'low'], ['low', 'high'], ['high', 'low'], ['high', 'high']];
      return sides.map(([down, across]) => {
        const [row, column] = [vertical[down][v], horizontal[across][h]];
        const weight = f(vertical[`${down}Weight`][v] * horizontal[`${across}Weight`][h]);
        const value = values[row * columns + column];
        return {row, column, weight, value, product: f(weight * value)};
      });
    }

    return {bins, vertical, horizontal, bin, explain, grid: () => all(bins, bin)};
  }

  /** Every bin's value, row by row. */
  function all(bins, bin) {
    return Float32Array.from(
      {length: bins * bins}, (_, index) => bin(Math.floor(index / bins), index % bins));
  }

  return {level, pool, warp, align};
})();
