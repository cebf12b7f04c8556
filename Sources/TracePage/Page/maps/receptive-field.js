'use strict';

/**
 * Which pixels of the network's input a cell can depend on: its theoretical receptive field.
 *
 * The sides of the fields of C2 to C5 come from the trunk's layers (Swift, `receptiveFields`). From
 * there the pyramid's way is gone backwards, cell by cell.
 */
const Receptive = (() => {
  /** The pixels that cells `first…last` of a layer of the trunk see: `[from, to)`, not clipped. */
  function trunk(side, level, first, last) {
    const [stride, reach] = [2 ** level, (side - 1) / 2];
    return [first * stride - reach, last * stride + reach + 1];
  }

  /**
   * The pixels that a cell of a map sees along one axis: `[from, to)`, not clipped.
   *
   * @param kind `trunk`, `pyramid` or `objectness`
   * @param level 2 … 6
   * @param cell its row or its column
   * @param extents how many cells C2, C3, C4, C5 have along the axis
   * @param sides of the fields of C2 … C5
   * @param headReach cells to each side that the head of the region proposal network sees
   */
  function along({kind, level, cell, extents, sides, headReach = 0}) {
    if (kind === 'trunk') return trunk(sides[level - 2], level, cell, cell);
    let [first, last] = [cell, cell];
    if (kind === 'objectness') [first, last] = [first - headReach, last + headReach];
    if (level === 6) {
      // Every second cell of P5.
      [first, last, level] = [2 * first, 2 * last, 5];
    }
    // outer, 3 × 3: one cell more on each side.
    [first, last] = [first - 1, last + 1];
    let [from, to] = [Infinity, -Infinity];
    for (; level <= 5; level++) {
      const end = extents[level - 2] - 1;
      [first, last] = [Math.min(Math.max(first, 0), end), Math.min(Math.max(last, 0), end)];
      const seen = trunk(sides[level - 2], level, first, last);
      [from, to] = [Math.min(from, seen[0]), Math.max(to, seen[1])];
      // The level above, enlarged twofold: two cells share one of its cells.
      [first, last] = [Math.floor(first / 2), Math.floor(last / 2)];
    }
    return [from, to];
  }

  return {along};
})();
