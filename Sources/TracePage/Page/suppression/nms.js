'use strict';

/**
 * Non-maximum suppression, with the arithmetic of `Stage3Proposals/NonMaximumSuppression.swift`:
 * every operation is rounded to 32 bits, so that decisions at the threshold fall as they do there.
 *
 * Boxes are `x1 y1 x2 y2`, one after the other in a Float32Array.
 */
const Suppression = (() => {
  const round = Math.fround;

  /** The logistic function, 1 / (1 + exp(-x)), in 32 bits. */
  function sigmoid(logit) {
    return round(1 / round(1 + round(Math.exp(-logit))));
  }

  function area(boxes, index) {
    const at = 4 * index;
    return round(round(boxes[at + 2] - boxes[at]) * round(boxes[at + 3] - boxes[at + 1]));
  }

  /** Pixels that two boxes share. */
  function intersection(boxes, a, b) {
    const [p, q] = [4 * a, 4 * b];
    const width = round(Math.min(boxes[p + 2], boxes[q + 2]) - Math.max(boxes[p], boxes[q]));
    if (!(width > 0)) return 0;
    const height = round(
      Math.min(boxes[p + 3], boxes[q + 3]) - Math.max(boxes[p + 1], boxes[q + 1]));
    return height > 0 ? round(width * height) : 0;
  }

  /** Intersection, union and their quotient; NaN where both boxes are empty. */
  function overlap(boxes, a, b) {
    const shared = intersection(boxes, a, b);
    const union = round(round(area(boxes, a) + area(boxes, b)) - shared);
    return {intersection: shared, union, iou: round(shared / union)};
  }

  /** The indices 0 … scores.length - 1 by descending score; equal scores keep their order. */
  function order(scores) {
    return Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  }

  /**
   * Going from the best to the worst, a box stays unless its IoU with one of its group that stayed
   * is greater than the threshold (strictly).
   *
   * @param boxes n boxes
   * @param groups n numbers; boxes of different groups do not suppress each other
   * @param order indices by descending score; boxes that it leaves out take no part
   * @returns by which box each was suppressed: an Int32Array, -1 for the others
   */
  function run({boxes, groups, order, threshold}) {
    const by = new Int32Array(groups.length).fill(-1);
    const kept = new Map();
    for (const index of order) {
      let rivals = kept.get(groups[index]);
      if (!rivals) kept.set(groups[index], rivals = new Rivals(order.length));
      const winner = rivals.firstOver(threshold, boxes, index);
      if (winner < 0) rivals.add(boxes, index);
      else by[index] = winner;
    }
    return by;
  }

  /** The boxes of a group that are kept so far, contiguous in memory: most of the time is here. */
  class Rivals {
    constructor(most) {
      this.count = 0;
      this.index = new Int32Array(most);
      this.edges = new Float32Array(5 * most);
    }

    add(boxes, index) {
      this.edges.set(boxes.subarray(4 * index, 4 * index + 4), 5 * this.count);
      this.edges[5 * this.count + 4] = area(boxes, index);
      this.index[this.count++] = index;
    }

    /** The first whose IoU with a box is over the threshold, or -1: `overlap`, step by step. */
    firstOver(threshold, boxes, index) {
      const at = 4 * index;
      const [x1, y1, x2, y2] = [boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + 3]];
      const own = area(boxes, index);
      // The IoU is at most the smaller area over the larger; a little more, as both are rounded.
      const [least, most] = [own * threshold * 0.999999, own / threshold * 1.000001];
      const {count, edges} = this;
      for (let rival = 0, p = 0; rival < count; rival++, p += 5) {
        const other = edges[p + 4];
        if (other < least || other > most) continue;
        // Most boxes lie apart: then nothing more is computed.
        const width = round((edges[p + 2] < x2 ? edges[p + 2] : x2)
          - (edges[p] > x1 ? edges[p] : x1));
        if (!(width > 0)) continue;
        const height = round((edges[p + 3] < y2 ? edges[p + 3] : y2)
          - (edges[p + 1] > y1 ? edges[p + 1] : y1));
        if (!(height > 0)) continue;
        const shared = round(width * height);
        if (round(shared / round(round(other + own) - shared)) > threshold) return this.index[rival];
      }
      return -1;
    }
  }

  return {sigmoid, area, overlap, order, run};
})();
