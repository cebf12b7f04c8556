'use strict';

/** Arrow keys, for whatever they move. */
const MicroscopeKeys = (() => {
  const arrows = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  };

  /** Calls `move(x, y, event)` with the direction of an arrow key that is pressed in an element. */
  function onArrow(element, move) {
    element.addEventListener('keydown', (event) => {
      const direction = arrows[event.key];
      if (!direction || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      move(...direction, event);
    });
  }

  /** Arrow keys that choose a bin. */
  function onBin(element) {
    onArrow(element, (x, y) => {
      const {row, column, bins} = Microscope.state;
      const within = (value) => Math.min(Math.max(value, 0), bins - 1);
      Microscope.update({row: within(row + y), column: within(column + x)}, 'bin');
    });
  }

  return {onArrow, onBin};
})();
