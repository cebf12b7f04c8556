'use strict';

/**
 * In which pixels coordinates are told: those of the image as it was read, or on demand those of the
 * network's input, to which it was resized.
 */
const Units = (() => {
  const {original, resized} = Page.sizes ?? {original: [1, 1], resized: [1, 1]};
  const factors = [0, 1].map((axis) => original[axis] / resized[axis]);
  const listeners = [];
  let isInput = false;

  /** Image pixels, or input pixels, per input pixel along an axis: 0 is x, 1 is y. */
  function factor(axis) {
    return isInput ? 1 : factors[axis];
  }

  /** A coordinate or a length in input pixels, as text in the pixels that are shown. */
  function along(axis, value) {
    return Numbers.pixels(value * factor(axis));
  }

  /** An area in square input pixels, in the pixels that are shown. */
  function area(value) {
    return value * factor(0) * factor(1);
  }

  function show(value) {
    isInput = value;
    for (const listener of listeners) listener();
  }

  /** The control, for all exhibits at once; nothing to choose where the image was not resized. */
  function control() {
    if (factors.every((each) => each === 1)) return [];
    return [Controls.toggle({label: 'Coordinates in input pixels, as the tensors have them',
      value: false, onChange: show})];
  }

  return {
    factor, along, area, control,
    /** Calls back when other pixels are chosen. */
    listen: (listener) => { listeners.push(listener); },
    /** `image pixels` or `input pixels`. */
    get name() { return isInput ? 'input pixels' : 'image pixels'; },
  };
})();
