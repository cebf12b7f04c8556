'use strict';

/**
 * The package's own network in WebAssembly (`network.wasm`, from Sources/Browser). This file moves
 * numbers in and out; it computes nothing. It runs in a page, in a worker and in Node.
 *
 *     const network = await Network.load(bytesOfTheModule, (part) => …);   // part: 'layer1.0', …
 *     network.model(bytesOfASafetensorsFile, 'name');                // or throws Error
 *     network.image(rgba, width, height);                                // 4 bytes a pixel
 *     for (const stage of Network.stages) network.run(stage);
 *     network.tensor('detectionBoxes')                                  // {shape, data}
 *
 * Every tensor is `{shape: [extents], data: Float32Array}`, row-major, a copy. Whole numbers are stored
 * as floats, exact up to 2^24. Boxes are `x1 y1 x2 y2` in input pixels, those called `boxes` and
 * `windows` in image pixels. Every function throws an Error with one line that says what is wrong.
 *
 * Stages in their order (`Network.stages`), with what each reads -> leaves. N is 1, F channels of the
 * pyramid, A anchors per cell, R proposals, K classes (0 the background), D detections, M side of a mask:
 *
 *     input       image [3, H0, W0] -> normalised [3, H0, W0], resized [3, H, W],
 *                 padded [1, 3, Hp, Wp], sizes [3, 2] (height, width of image, resized, padded)
 *     trunk       padded -> stem, pooled [1, C, H, W], trunk (C2 … C5)
 *     pyramid     trunk -> pyramid (P2 … P6), [1, F, H, W] each
 *     rpn         pyramid, sizes -> per level objectness [1, A, H, W], deltas [1, 4 A, H, W],
 *                 anchors [H W A, 4]
 *     proposals   objectness, deltas, sizes -> candidateLedger [n, 12]: level row column shape logit
 *                 x1 y1 x2 y2 fate suppressedBy overlap; considered; proposals [R, 4], proposalScores [R],
 *                 proposalIndex [R], rows of the ledger
 *     roi         proposals, pyramid, sizes -> roiLevels [R] (2 for P2), features [R, F, 7, 7]
 *     boxHead     features -> boxFeatures, classLogits [R, K], classScores [R, K], boxDeltas [R, 4 K]
 *     detections  proposals, boxDeltas, classScores, sizes -> refined [R, K, 4], detectionLedger [n, 10]:
 *                 proposal class score x1 y1 x2 y2 fate suppressedBy overlap; detectionIndex,
 *                 detectionBoxes, detectionScores, detectionLabels, detectionProposals [D]
 *     maskRoI     detectionBoxes, pyramid, sizes -> maskLevels [D], maskFeatures [D, F, 14, 14]
 *     maskHead    maskFeatures -> maskLogits [D, K, M, M]
 *     masks       maskLogits, detectionLabels, detectionBoxes, sizes -> probabilities [D, M, M],
 *                 boxes [D, 4], windows [D, 4] (x2, y2 exclusive), soft (all windows' probabilities, one
 *                 window after the other), areas [D], labelMap [H0, W0] (0, or detection + 1)
 *
 * Fates: 0 kept, 1 suppressed (by row `suppressedBy`), 2 clipped away, 3 too small, 4 below the top, 5
 * beyond the limit. After `option(…)` or `roiOperator(…)` only the stages that it concerns, and those
 * after them, need to run again: what earlier stages left is kept. `set(name, tensor, level)` puts a
 * tensor in a stage's way.
 *
 * Options (`network.option(name, value)`): preNMSTopN, postNMSTopN, proposalNMSThreshold,
 * proposalMinimumSize (stage `proposals`); scoreThreshold, detectionNMSThreshold, detectionMinimumSize,
 * detectionsPerImage (`detections`); maskThreshold (`masks`); plain, 1 for the plain definitions in place of
 * the fast forms (all). `network.roiOperator({operator: 'align', samplingRatio: 2, aligned: false,
 * maximum: false})` concerns `roi` and `maskRoI`.
 */
const Network = (() => {
  const stages = ['input', 'trunk', 'pyramid', 'rpn', 'proposals', 'roi', 'boxHead', 'detections',
    'maskRoI', 'maskHead', 'masks'];
  const operators = ['pool', 'warp', 'align'];
  const elementTypes = {F64: 'float64', F32: 'float32', F16: 'float16', BF16: 'bfloat16', I64: 'int64',
    I32: 'int32', I16: 'int16', I8: 'int8', U8: 'uint8', BOOL: 'bool'};
  // The settings in a weight file's metadata: words, and numbers or lists of them as JSON.
  const words = ['roi.operator', 'roi.reduction', 'mask.activation'];
  const numbers = ['input.scale', 'input.min_size', 'input.max_size', 'input.mean', 'input.std',
    'anchors.sizes', 'anchors.aspect_ratios', 'roi.mask_bins', 'roi.canonical_scale',
    'roi.canonical_level', 'roi.levels', 'roi.sampling_ratio', 'roi.aligned', 'detections_per_image',
    'score_threshold', 'norm_eps'];

  /**
   * Compiles the module. `report(part)` is called, while a stage runs, with the name of each part of the
   * trunk before it is computed.
   */
  async function load(bytes, report = () => {}) {
    let memory;
    const never = (name) => () => { throw new Error(`the module called ${name}`); };
    const {instance} = await WebAssembly.instantiate(bytes, {
      host: {report: (start, length) =>
        report(new TextDecoder().decode(new Uint8Array(memory.buffer, start, length)))},
      env: {__stack_chk_fail: never('__stack_chk_fail')},
      // The seed of hash tables: always the same, so that every run is.
      wasi_snapshot_preview1: {random_get: (start, length) => {
        new Uint8Array(memory.buffer, start, length).fill(0);
        return 0;
      }, fd_close: never('fd_close'),
        fd_seek: never('fd_seek'), fd_write: never('fd_write')},
    });
    memory = instance.exports.memory;
    return new Module(instance.exports);
  }

  class Module {
    #exports;
    #names = new Map();

    constructor(exports) {
      this.#exports = exports;
      for (let number = 0; number < exports.tensor_names(); number++) {
        exports.tensor_name(number);
        this.#names.set(this.#text(), number);
      }
    }

    /** The names of all tensors. */
    get names() { return [...this.#names.keys()]; }

    /** The module's memory in bytes. */
    get memory() { return this.#exports.memory.buffer.byteLength; }

    // Weights.

    /** Makes a model of a .safetensors file; gives its metadata, as text by key, with `classNames`. */
    model(bytes, name = 'weights') {
      bytes = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const length = bytes.length < 8 ? NaN : Number(view.getBigUint64(0, true));
      const header = parsed(new TextDecoder().decode(bytes.subarray(8, 8 + length)), name);
      const {__metadata__: metadata = {}, ...tensors} = header;
      this.#exports.model_begin();
      for (const [key, {dtype, shape, data_offsets: [first, end]}] of Object.entries(tensors)) {
        const data = bytes.subarray(8 + length + first, 8 + length + end);
        this.#call('model_tensor', key, elementTypes[dtype] ?? dtype, new Int32Array(shape),
          shape.length, data, data.length);
      }
      for (const [key, text] of Object.entries(metadata)) {
        if (words.includes(key)) this.#call('model_word', key, text);
        if (!numbers.includes(key)) continue;
        const value = parsed(text, key);
        const nested = Array.isArray(value) && Array.isArray(value[0]);
        const lists = nested ? value : [[value].flat().map(Number)];
        this.#call('model_setting', key, new Float64Array(lists.flat()),
          new Int32Array(lists.map((list) => list.length)), lists.length, Number(nested));
      }
      this.#call('model_make', name);
      return {...metadata, classNames: parsed(metadata.class_names ?? '[]', 'class_names')};
    }

    // One image's way through the network.

    /** Sets the image, from RGBA bytes as a canvas gives them. */
    image(rgba, width, height) {
      if (rgba.length !== 4 * width * height) throw new Error('image: not 4 bytes per pixel.');
      this.#call('session_image', rgba, width, height);
    }

    /** Runs one of `Network.stages`. */
    run(stage) { this.#call('session_run', stage); }

    /** Sets an option to a number. */
    option(name, value) { this.#call('session_option', name, Number(value)); }

    /** Sets how both heads read RoIs. */
    roiOperator(options) { this.#call('session_operator', ...operatorNumbers(options)); }

    /** The tensor of a name; of tensors with several levels that of a place, from 0. */
    tensor(name, place = 0) { return this.tensors(name)[place]; }

    /** The tensors of a name: one per level, or one. */
    tensors(name) { return this.#call('session_read', this.#number(name)); }

    /** Sets a tensor, so that the next stages read it. */
    set(name, {shape, data}, place = 0) {
      this.#call('session_write', this.#number(name), place, Float32Array.from(data),
        new Int32Array(shape), shape.length);
    }

    // Single operations.

    /**
     * An operator on boxes of one map `{shape: [C, H, W], data}`, by its plain definition:
     * `[R, C, rows, columns]`. `scale`: cells per input pixel; `bins`: `[rows, columns]`.
     */
    roiFeatures(map, boxes, scale, bins, options) {
      return this.#call('roi_features', map.data, ...map.shape, Float32Array.from(boxes),
        boxes.length / 4, scale, ...bins, ...operatorNumbers(options))[0];
    }

    /**
     * RoIPool along one axis of `extent` cells: `{first, end, bins: [[first, end], …]}`, the first cell
     * and the one behind the last of the RoI and of each bin.
     */
    poolAxis(low, high, scale, bins, extent) {
      const [roi, cells] = this.#call('roi_pool_axis', low, high, scale, bins, extent);
      return {first: roi.data[0], end: roi.data[1], bins: rows(cells)};
    }

    /**
     * Where RoIWarp's or RoIAlign's samples lie on a map of `[H, W]` cells: `{x, y}`, each
     * `{first, end, edges, binSize, samples, positions}` in cells: the RoI's edges, those of its bins, and
     * per sample of all bins `[position, inside, low, high, lowWeight, highWeight]`.
     */
    sampleAxes(box, [height, width], scale, bins, options) {
      const [x, xEdges, xs, y, yEdges, ys] = this.#call('roi_sample_axes', Float32Array.from(box), height,
        width, scale, ...bins, ...operatorNumbers(options).slice(0, 3));
      const axis = ({data: [binSize, samples]}, {data: edges}, found) => ({
        first: edges[0], end: edges.at(-1), edges: [...edges], binSize, samples, positions: rows(found)});
      return {x: axis(x, xEdges, xs), y: axis(y, yEdges, ys)};
    }

    /**
     * What one bin of RoIWarp or RoIAlign reads on one channel `{shape: [H, W], data}`:
     * `{samples: [{x, y, inside, value, cells: [{row, column, weight, value, product}]}], total, count,
     * greatest, winner}`. The average is `roiFeatures`' value.
     */
    binSamples(map, box, scale, bins, options, [row, column]) {
      const [samples, sums] = this.#call('roi_bin_samples', map.data, ...map.shape,
        Float32Array.from(box), scale, ...bins, ...operatorNumbers(options).slice(0, 3), row, column);
      const cell = ([row, column, weight, value, product]) => ({row, column, weight, value, product});
      const [total, count, greatest, winner] = sums.data;
      return {
        total, count, greatest, winner,
        samples: rows(samples).map(([x, y, inside, value, ...cells]) => ({
          x, y, value, inside: inside === 1,
          cells: inside === 1 ? [0, 5, 10, 15].map((at) => cell(cells.slice(at, at + 5))) : [],
        })),
      };
    }

    /**
     * One anchor of a level with `columns` columns and strides `[rows, columns]`: `{row, column, shape}` of
     * its cell, the cell's corner `x, y` and its `box`. `base`: the anchors at the origin; `index`: among
     * the level's anchors, by row, column, shape.
     */
    anchor(base, index, columns, strides) {
      const [place, box] = this.#call('anchor_at', Float32Array.from(base), base.length / 4, index,
        columns, ...strides);
      const [row, column, shape, x, y] = place.data;
      return {row, column, shape, x, y, box: [...box.data]};
    }

    /**
     * Boxes from deltas, `dx dy dw dh` each, relative to references; `head`: 'rpn' or 'box'. Not clipped.
     * Each is `{box, centre, growth, limited, moved, size}`: on the way the reference's centre, the
     * logarithms of the growth and the same limited, the box's centre and size.
     */
    decode(references, deltas, head) {
      const [boxes, steps] = this.#call('decode_boxes', Float32Array.from(references),
        Float32Array.from(deltas), references.length / 4, Number(head === 'box'));
      const found = rows(boxes);
      return rows(steps).map((step, index) => ({box: found[index], centre: step.slice(0, 2),
        growth: step.slice(2, 4), limited: step.slice(4, 6), moved: step.slice(6, 8),
        size: step.slice(8)}));
    }

    /**
     * Every box of one list against every box of the other: tensors `[n, m]`, `{iou, intersection, union}`.
     */
    overlaps(some, others) {
      const [iou, intersection, union] = this.#call('box_overlaps', Float32Array.from(some),
        some.length / 4, Float32Array.from(others), others.length / 4);
      return {iou, intersection, union};
    }

    /**
     * Greedy NMS: `{order, suppressedBy, overlap}`: boxes by descending score; per box the one that
     * suppressed it, -1 for none, and their IoU.
     */
    suppress(boxes, scores, groups, threshold) {
      const [order, decisions] = this.#call('suppress', Float32Array.from(boxes),
        Float32Array.from(scores), Int32Array.from(groups), scores.length, threshold);
      return {
        order: order.data, suppressedBy: decisions.data.filter((_, index) => index % 2 === 0),
        overlap: decisions.data.filter((_, index) => index % 2 === 1),
      };
    }

    /**
     * The level that each box is read from, 2 for P2, and the number before it is cut to a whole one and
     * limited: `{levels, exact}`.
     */
    levels(boxes, {least = 2, greatest = 5, canonicalScale = 224, canonicalLevel = 4} = {}) {
      const [levels, exact] = this.#call('roi_levels', Float32Array.from(boxes), boxes.length / 4,
        least, greatest, canonicalScale, canonicalLevel);
      return {levels: levels.data, exact: exact.data};
    }

    /** The logistic function of each number. */
    sigmoid(logits) {
      return this.#call('sigmoid', Float32Array.from(logits), logits.length)[0].data;
    }

    /** Softmax over the rows of `{shape: [R, K], data}`. */
    softmax({shape, data}) {
      return this.#call('softmax', Float32Array.from(data), ...shape)[0];
    }

    /**
     * Pastes masks `{shape: [D, M, M], data}` into an image at boxes in image pixels: `{windows, soft,
     * areas, labelMap}` as the stage `masks` leaves them.
     */
    paste(masks, boxes, width, height, threshold = 0.5) {
      const [windows, soft, areas, labelMap] = this.#call('paste_masks', Float32Array.from(masks.data),
        masks.shape[0], masks.shape[1], Float32Array.from(boxes), width, height, threshold);
      return {windows, soft, areas, labelMap};
    }

    /**
     * Pastes one mask `{shape: [M, M], data}`, as `paste` does, with the steps on the way: `bordered`
     * `[M + 2, M + 2]`, the grown box's `edges`, the same `cut` to whole pixels, `window`, `soft`.
     */
    pasteOne(mask, box, width, height) {
      const [bordered, edges, cut, window, soft] = this.#call('paste_mask',
        Float32Array.from(mask.data), mask.shape[0], Float32Array.from(box), width, height);
      return {bordered: bordered.data, edges: [...edges.data], cut: [...cut.data],
        window: [...window.data], soft: soft.data};
    }

    /**
     * For every mask of one list the one of the other with which it has the greatest IoU of pixels:
     * `[partner, IoU]`, partner -1 where none shares a pixel. A list is `{windows, inside}`: `x1 y1 x2 y2`
     * of each, and a byte per pixel of all windows.
     */
    maskPartners(some, others) {
      const list = ({windows, inside}) => [Int32Array.from(windows), inside, windows.length / 4];
      return rows(this.#call('mask_partners', ...list(some), ...list(others))[0]);
    }

    // Numbers in and out.

    #number(name) {
      if (!this.#names.has(name)) throw new Error(`${name}: there is no such tensor.`);
      return this.#names.get(name);
    }

    /**
     * Calls an exported function. Text is passed as its bytes and their number, an array as where it was
     * copied to. Gives the tensors of the answer.
     */
    #call(name, ...values) {
      const exports = this.#exports;
      const places = [];
      const place = (array) => {
        const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        places.push(exports.allocate(bytes.length));
        new Uint8Array(exports.memory.buffer, places.at(-1) >>> 0, bytes.length).set(bytes);
        return places.at(-1);
      };
      try {
        const parameters = values.flatMap((value) => {
          if (ArrayBuffer.isView(value)) return [place(value)];
          if (typeof value !== 'string') return [value];
          const bytes = new TextEncoder().encode(value);
          return [place(bytes), bytes.length];
        });
        if (exports[name](...parameters) !== 0) throw new Error(this.#text());
        return this.#answer();
      } finally {
        for (const at of places) exports.deallocate(at);
      }
    }

    #answer() {
      const exports = this.#exports;
      return Array.from({length: exports.answer_count()}, (_, index) => {
        const shape = Array.from({length: exports.answer_rank(index)},
          (_, axis) => exports.answer_extent(index, axis));
        const count = shape.reduce((product, extent) => product * extent, 1);
        const data = new Float32Array(
          exports.memory.buffer, exports.answer_elements(index) >>> 0, count).slice();
        return {shape, data};
      });
    }

    #text() {
      const exports = this.#exports;
      return new TextDecoder().decode(new Uint8Array(
        exports.memory.buffer, exports.answer_text() >>> 0, exports.answer_text_length()));
    }
  }

  /** An operator's options as the module takes them. */
  function operatorNumbers({operator, samplingRatio = 2, aligned = false, maximum = false}) {
    return [operators.indexOf(operator), samplingRatio, Number(aligned), Number(maximum)];
  }

  /** JSON of a weight file. */
  function parsed(text, subject) {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${subject}: this is no JSON. Give a .safetensors file that was saved whole.`);
    }
  }

  /** The rows of a matrix. */
  function rows({shape: [count, width], data}) {
    return Array.from({length: count}, (_, row) => [...data.subarray(row * width, (row + 1) * width)]);
  }

  return {load, stages};
})();

if (typeof module !== 'undefined') module.exports = {Network};
