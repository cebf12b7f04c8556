'use strict';

/**
 * Overlap and non-maximum suppression, as the module decides them. Boxes are `x1 y1 x2 y2`, one after
 * the other in a Float32Array.
 */
const Suppression = (() => {
  const box = (boxes, index) => boxes.subarray(4 * index, 4 * index + 4);

  /** Intersection and union of two boxes in square input pixels, and the IoU; NaN of two empty ones. */
  function overlap(boxes, a, b) {
    const {iou, intersection, union} = Page.network.overlaps(box(boxes, a), box(boxes, b));
    return {iou: iou.data[0], intersection: intersection.data[0], union: union.data[0]};
  }

  /** The IoU of one box with each of some others. */
  function overlaps(boxes, index, others) {
    return Page.network.overlaps(box(boxes, index), among(boxes, others)).iou.data;
  }

  /** Some of the boxes. */
  function among(boxes, members) {
    const found = new Float32Array(4 * members.length);
    members.forEach((member, place) => found.set(box(boxes, member), 4 * place));
    return found;
  }

  /**
   * Greedy suppression among some boxes.
   *
   * @param groups a number per box; boxes of different groups do not suppress each other
   * @param members the boxes that take part, by index
   * @returns `order`, the members by descending score; of every box `by`, the one that suppressed it or
   *   -1, and `iou` with that one or 0
   */
  function run({boxes, scores, groups, members, threshold}) {
    const found = Page.network.suppress(among(boxes, members), members.map((each) => scores[each]),
      members.map((each) => groups[each]), threshold);
    const by = new Int32Array(groups.length).fill(-1);
    const iou = new Float32Array(groups.length);
    members.forEach((member, place) => {
      const winner = found.suppressedBy[place];
      if (winner >= 0) [by[member], iou[member]] = [members[winner], found.overlap[place]];
    });
    return {order: Array.from(found.order, (place) => members[place]), by, iou};
  }

  return {overlap, overlaps, run};
})();
