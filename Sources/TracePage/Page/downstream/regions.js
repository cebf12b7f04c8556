'use strict';

/** Masks in the image: windows, the pixels in them that belong, outlines, overlaps. */
const Regions = (() => {
  /** The masks that the page holds under a name: `{x1, y1, x2, y2, inside, area}` each. */
  async function load(name) {
    const windows = await Page.array(`${name}/windows`);
    const {values} = await Page.array(`${name}/inside`);
    let next = 0;
    return Array.from({length: windows.shape[0]}, (_, index) => {
      const [x1, y1, x2, y2] = windows.values.subarray(4 * index, 4 * index + 4);
      const inside = values.subarray(next, next + (x2 - x1) * (y2 - y1));
      next += inside.length;
      return {x1, y1, x2, y2, inside, area: inside.reduce((sum, each) => sum + each, 0)};
    });
  }

  /** A mask's outline as a path in pixels of the image, made when first drawn. */
  function outline(mask) {
    if (!mask.outline) {
      mask.outline = new Path2D();
      Scene.trace(mask.outline, mask, (index) => mask.inside[index] === 1);
    }
    return mask.outline;
  }

  /** Shared pixels over pixels of either. */
  function overlap(p, q) {
    const [x1, y1] = [Math.max(p.x1, q.x1), Math.max(p.y1, q.y1)];
    const [x2, y2] = [Math.min(p.x2, q.x2), Math.min(p.y2, q.y2)];
    let shared = 0;
    for (let y = y1; y < y2; y++) {
      for (let x = x1; x < x2; x++) {
        shared += p.inside[(y - p.y1) * (p.x2 - p.x1) + x - p.x1]
          & q.inside[(y - q.y1) * (q.x2 - q.x1) + x - q.x1];
      }
    }
    const either = p.area + q.area - shared;
    return either ? shared / either : 0;
  }

  /** For every mask of the first its best partner: `{index, partner, overlap}`; -1 without one. */
  function partners(first, second) {
    return first.map((region, index) => {
      const best = {index, partner: -1, overlap: 0};
      second.forEach((other, partner) => {
        if (other.x1 >= region.x2 || other.x2 <= region.x1
          || other.y1 >= region.y2 || other.y2 <= region.y1) return;
        const found = overlap(region, other);
        if (found > best.overlap) Object.assign(best, {partner, overlap: found});
      });
      return best;
    });
  }

  return {load, outline, overlap, partners};
})();
