'use strict';

/**
 * The page's data, and what every exhibit shares.
 *
 * An exhibit is a script that calls `Page.exhibit(name, start)`. `start(element, content)` is called
 * once, with the exhibit's empty element and its JSON; it may be asynchronous.
 */
const Page = (() => {
  const manifest = JSON.parse(document.getElementById('manifest').textContent);
  const starts = new Map();
  const arrays = new Map();

  /** Registers an exhibit's script. */
  function exhibit(name, start) {
    starts.set(name, start);
  }

  /**
   * An array that the page carries: `{shape, values}`, `values` a typed array in row-major order
   * (16-bit floats are widened). It is unpacked when first asked for.
   */
  function array(name) {
    if (!arrays.has(name)) arrays.set(name, unpack(name));
    return arrays.get(name);
  }

  /** Whether the page carries an array. */
  function has(name) {
    return document.querySelector(`script[data-array="${CSS.escape(name)}"]`) !== null;
  }

  async function unpack(name) {
    const element = document.querySelector(`script[data-array="${CSS.escape(name)}"]`);
    if (!element) throw new Error(`The page carries no array ${name}.`);
    const packed = decoded(element.textContent);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
    const sorted = new Uint8Array(await new Response(stream).arrayBuffer());
    const shape = JSON.parse(element.dataset.shape);
    const count = shape.reduce((product, extent) => product * extent, 1);
    const bytes = unsorted(sorted, count);
    switch (element.dataset.form) {
      case 'float32': return {shape, values: new Float32Array(bytes.buffer)};
      case 'float16': return {shape, values: widened(new Uint16Array(bytes.buffer))};
      case 'int32': return {shape, values: new Int32Array(bytes.buffer)};
      default: return {shape, values: bytes};
    }
  }

  /** The bytes of base64; not every browser of today has the quick way. */
  function decoded(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let index = 0; index < bytes.length; index++) bytes[index] = letters.charCodeAt(index);
    return bytes;
  }

  /** Puts bytes that were sorted by their place in the element back into elements. */
  function unsorted(sorted, count) {
    const size = count ? sorted.length / count : 1;
    const bytes = new Uint8Array(sorted.length);
    for (let plane = 0; plane < size; plane++) {
      for (let index = 0; index < count; index++) {
        bytes[index * size + plane] = sorted[plane * count + index];
      }
    }
    return bytes;
  }

  let halves;

  /** IEEE 754 binary16 patterns as numbers, looked up: there are only 65,536. */
  function widened(patterns) {
    halves ??= Float32Array.from({length: 1 << 16}, (_, pattern) => {
      const exponent = (pattern >> 10) & 0x1f;
      const fraction = pattern & 0x3ff;
      const magnitude = exponent === 0 ? fraction * 2 ** -24
        : exponent === 0x1f ? (fraction ? NaN : Infinity)
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
      return pattern & 0x8000 ? -magnitude : magnitude;
    });
    return Float32Array.from(patterns, (pattern) => halves[pattern]);
  }

  let image;

  /** The image as decoded (perhaps smaller), an image that is ready to be drawn; null without. */
  function loadImage() {
    image ??= (async () => {
      if (!manifest.image) return null;
      const image = new Image();
      image.src = manifest.image;
      await image.decode();
      return image;
    })();
    return image;
  }

  let network;

  /** Starts the package's own arithmetic, which the page carries as WebAssembly. */
  async function load() {
    if (typeof WebAssembly === 'undefined') {
      throw new Error('this browser does not run WebAssembly, with which the page computes. Open the '
        + 'page in another browser, or allow WebAssembly.');
    }
    network = await Network.load((await array('network')).values);
  }

  /** The exhibits have made the page longer since the browser went to the link's target. */
  function goToHash() {
    if (isMoved || !location.hash) return;
    const target = document.getElementById(location.hash.slice(1));
    unfold(target);
    target?.scrollIntoView({behavior: 'instant'});
  }

  /** Opens all that an element is folded into, and the element if it can be folded itself. */
  function unfold(target) {
    for (let each = target; each; each = each.parentElement) {
      if (each.matches('details')) each.open = true;
    }
  }

  addEventListener('hashchange', () => {
    const target = document.getElementById(location.hash.slice(1));
    unfold(target);
    target?.scrollIntoView();
  });

  /** Whether the reader has gone elsewhere meanwhile. */
  let isMoved = false;
  for (const kind of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
    addEventListener(kind, () => { isMoved = true; }, {once: true, passive: true});
  }

  /** Starts every exhibit; one that fails says so in its place. */
  async function start() {
    const elements = [...document.querySelectorAll('[data-exhibit]')];
    const loading = elements.length ? load() : null;
    await Promise.all(elements.map(async (element) => {
      const name = element.dataset.exhibit;
      const bench = element.querySelector('.bench');
      try {
        await loading;
        await starts.get(name)(bench, manifest.exhibits[name]);
        element.dataset.ready = 'true';
      } catch (error) {
        bench.textContent = `This part could not be shown: ${error.message}`;
        console.error(error);
      }
    }));
    // Canvases and charts take their heights in the first frame in which they are laid out.
    await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
    goToHash();
    document.documentElement.dataset.ready = 'true';
  }

  return {
    exhibit, array, has, start,
    /** The module (`network/network.js`); an exhibit starts when it is there. */
    get network() { return network; },
    image: loadImage,
    /** The detections, `{boxes, scores, labels, classNames, proposals, candidates, shown}`; or null. */
    objects: manifest.objects,
    /** Sizes `[width, height]`: `original`, `resized` (in whose pixels boxes are), `padded`. */
    sizes: manifest.sizes,
    /** Colour maps: `sequential`, `diverging`, 256 colours `[r, g, b]` each. */
    colours: manifest.colours,
  };
})();
