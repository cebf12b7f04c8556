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

  /** Masks as the module takes them. */
  function packed(masks) {
    const inside = new Uint8Array(masks.reduce((sum, mask) => sum + mask.inside.length, 0));
    let next = 0;
    for (const mask of masks) {
      inside.set(mask.inside, next);
      next += mask.inside.length;
    }
    return {windows: masks.flatMap(({x1, y1, x2, y2}) => [x1, y1, x2, y2]), inside};
  }

  /** For every mask of the first its best partner: `{index, partner, overlap}`; -1 without one. */
  function partners(first, second) {
    return Page.network.maskPartners(packed(first), packed(second))
      .map(([partner, overlap], index) => ({index, partner, overlap}));
  }

  return {load, outline, partners};
})();
