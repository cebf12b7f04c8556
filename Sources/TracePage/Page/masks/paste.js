'use strict';

/** A mask's way from 28 x 28 logits to pixels of the image, as the module computes it. */
const Paste = (() => {
  /** Pasted masks are kept up to so many pixels in all. */
  const MOST = 4e6;
  let loading;

  /** The masks that the page carries, unpacked once. */
  function load(content) {
    loading ??= (async () => {
      const names = ['boxes', 'scores', 'labels', 'classes', 'own', 'others'];
      const arrays = await Promise.all(names.map((name) => Page.array(`masks/${name}`)));
      const masks = {...content};
      names.forEach((name, index) => { masks[name] = arrays[index].values; });
      masks.count = masks.labels.length;
      masks.shown = masks.count ? masks.classes.length / masks.count : 0;
      [masks.pasted, masks.kept] = [[], 0];
      return masks;
    })();
    return loading;
  }

  /** The logistic function of each logit. */
  function probabilities(logits) {
    return Page.network.sigmoid(logits);
  }

  /** Softmax over several masks, cell by cell: what each would be if classes competed. */
  function softmax(masks) {
    const [cells, count] = [masks[0].length, masks.length];
    const {data} = Page.network.softmax({shape: [cells, count], data: Float32Array.from(
      {length: cells * count}, (_, index) => masks[index % count][Math.floor(index / count)])});
    return masks.map((_, mask) => (
      Float32Array.from({length: cells}, (_, cell) => data[cell * count + mask])));
  }

  /**
   * Pastes one mask into an image of the given width and height.
   *
   * @param mask `cells` x `cells` probabilities
   * @param box in pixels of the image
   * @returns every step: the `bordered` mask, the box `grown` (its edges, and the same cut to whole
   *   pixels), `rows` and `columns` that it is resized to, the `window` of the image, and `soft`, a
   *   probability per pixel of it
   */
  function paste(mask, cells, box, [width, height]) {
    const {bordered, edges, cut, window: [x1, y1, x2, y2], soft} = Page.network.pasteOne(
      {shape: [cells, cells], data: mask}, box, width, height);
    return {bordered, grown: {edges, cut}, columns: Math.max(cut[2] - cut[0], 1),
      rows: Math.max(cut[3] - cut[1], 1), window: {x1, y1, x2, y2}, soft};
  }

  /** One detection's mask, pasted; kept for the next time, as long as that takes little memory. */
  function detection(masks, index) {
    if (!masks.pasted[index]) {
      const area = masks.cells ** 2;
      const result = paste(
        probabilities(masks.own.subarray(index * area, (index + 1) * area)), masks.cells,
        [...masks.boxes.subarray(4 * index, 4 * index + 4)], Page.sizes.original);
      if (masks.kept + result.soft.length > MOST) [masks.pasted, masks.kept] = [[], 0];
      masks.kept += result.soft.length;
      masks.pasted[index] = result;
    }
    return masks.pasted[index];
  }

  /** Pixels over a threshold, which is a number of 32 bits as well. */
  function area(soft, threshold) {
    const limit = Math.fround(threshold);
    let count = 0;
    for (const value of soft) count += value > limit;
    return count;
  }

  /** Adds the outline of the pixels over a threshold to a context's path, in the image's pixels. */
  function outline(context, {window, soft}, threshold) {
    const limit = Math.fround(threshold);
    Scene.trace(context, window, (pixel) => soft[pixel] > limit);
  }

  return {load, probabilities, softmax, paste, detection, area, outline};
})();
