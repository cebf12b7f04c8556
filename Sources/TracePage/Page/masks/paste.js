'use strict';

/**
 * A mask's way from 28 x 28 logits to pixels of the image, with the arithmetic of
 * `Stage6Masks/MaskPaste.swift` and `Kernels/Resize.swift`, rounded to 32 bits as there.
 */
const Paste = (() => {
  const round = Math.fround;
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
    return Float32Array.from(logits, Suppression.sigmoid);
  }

  /** Softmax over several masks, cell by cell: what each would be if classes competed. */
  function softmax(masks) {
    const results = masks.map((mask) => new Float32Array(mask.length));
    for (let cell = 0; cell < masks[0].length; cell++) {
      const greatest = Math.max(...masks.map((mask) => mask[cell]));
      const powers = masks.map((mask) => Math.exp(mask[cell] - greatest));
      const total = powers.reduce((sum, power) => sum + power, 0);
      powers.forEach((power, index) => { results[index][cell] = power / total; });
    }
    return results;
  }

  /** A mask with one 0 on every side. */
  function bordered(mask, cells) {
    const result = new Float32Array((cells + 2) * (cells + 2));
    for (let row = 0; row < cells; row++) {
      const line = mask.subarray(row * cells, (row + 1) * cells);
      result.set(line, (row + 1) * (cells + 2) + 1);
    }
    return result;
  }

  /**
   * A box scaled about its centre, before and after its edges are cut (towards 0) to whole pixels;
   * `x2` and `y2` of `cut` are the last column and row, not one past them.
   */
  function grow([x1, y1, x2, y2], scale) {
    const factor = round(scale);
    const halfWidth = round(round(round(x2 - x1) * 0.5) * factor);
    const halfHeight = round(round(round(y2 - y1) * 0.5) * factor);
    const [centreX, centreY] = [round(round(x2 + x1) * 0.5), round(round(y2 + y1) * 0.5)];
    const edges = [
      round(centreX - halfWidth), round(centreY - halfHeight),
      round(centreX + halfWidth), round(centreY + halfHeight),
    ];
    return {edges, cut: edges.map((edge) => Math.trunc(Math.min(Math.max(edge, -1e6), 1e6)))};
  }

  /** The two input cells that an output cell lies between, and the weight of the second. */
  function interpolation(index, extent, target) {
    const scale = round(extent / target);
    const position = Math.max(0, round(round(round(index + 0.5) * scale) - 0.5));
    const low = Math.min(Math.trunc(position), extent - 1);
    return {low, high: Math.min(low + 1, extent - 1), weight: round(position - low)};
  }

  /** A part of a square map resized to `rows` x `columns`: those from `top`, `left` on. */
  function resize(map, extent, {rows, columns, top, left, height, width}) {
    const across = Array.from({length: width}, (_, x) => interpolation(left + x, extent, columns));
    const soft = new Float32Array(width * height);
    for (let y = 0; y < height; y++) {
      const down = interpolation(top + y, extent, rows);
      const [above, below] = [down.low * extent, down.high * extent];
      for (let x = 0; x < width; x++) {
        const {low, high, weight} = across[x];
        const rest = round(1 - weight);
        const upper = round(round(rest * map[above + low]) + round(weight * map[above + high]));
        const lower = round(round(rest * map[below + low]) + round(weight * map[below + high]));
        soft[y * width + x] = round(
          round(round(1 - down.weight) * upper) + round(down.weight * lower));
      }
    }
    return soft;
  }

  /**
   * Pastes one mask into an image of the given width and height.
   *
   * @param mask `cells` x `cells` probabilities
   * @param box in pixels of the image
   * @returns every step: the `bordered` mask, the box `grown` (edges, cut), `rows` and `columns`
   *   that it is resized to, the `window` of the image, and `soft`, a probability per pixel of it
   */
  function paste(mask, cells, box, [width, height]) {
    const border = bordered(mask, cells);
    const grown = grow(box, (cells + 2) / cells);
    const [x1, y1, x2, y2] = grown.cut;
    const [columns, rows] = [Math.max(x2 - x1 + 1, 1), Math.max(y2 - y1 + 1, 1)];
    const window = {
      x1: Math.max(x1, 0), y1: Math.max(y1, 0),
      x2: Math.min(x2 + 1, width), y2: Math.min(y2 + 1, height),
    };
    const size = {width: window.x2 - window.x1, height: window.y2 - window.y1};
    if (size.width <= 0 || size.height <= 0) {
      const none = {x1: 0, y1: 0, x2: 0, y2: 0};
      return {bordered: border, grown, rows, columns, window: none, soft: new Float32Array(0)};
    }
    const soft = resize(border, cells + 2,
      {rows, columns, top: window.y1 - y1, left: window.x1 - x1, ...size});
    return {bordered: border, grown, rows, columns, window, soft};
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
    const limit = round(threshold);
    let count = 0;
    for (const value of soft) count += value > limit;
    return count;
  }

  /** Adds the outline of the pixels over a threshold to a context's path, in the image's pixels. */
  function outline(context, {window, soft}, threshold) {
    const limit = round(threshold);
    Scene.trace(context, window, (pixel) => soft[pixel] > limit);
  }

  return {load, probabilities, softmax, bordered, grow, resize, paste, detection, area, outline};
})();
