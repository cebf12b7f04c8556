'use strict';

/** Numbers as text. */
const Numbers = (() => {
  /** The minus sign that typography has. */
  function minus(text) {
    return text.replaceAll('-', '−');
  }

  /** So many decimals, as where numbers are listed below each other. */
  function fixed(value, digits) {
    const text = value.toFixed(digits);
    return Number(text) === 0 ? text.replace('-', '') : minus(text);
  }

  /** About four digits. */
  function short(value) {
    if (!Number.isFinite(value)) return String(value);
    if (Number.isInteger(value)) return minus(String(value));
    const size = Math.abs(value);
    return minus(size >= 1e-3 && size < 1e5
      ? value.toFixed(Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(size)))))
      : value.toExponential(2));
  }

  /** Pixels: two decimals at most. */
  function pixels(value) {
    return minus(String(Number(value.toFixed(2))));
  }

  /** A count, its thousands apart. */
  function many(value) {
    return value.toLocaleString('en');
  }

  /** So few decimals, from `least`, that `isEnough(text, decimals)`: a rounded number may mislead. */
  function enough(value, least, isEnough) {
    for (let digits = least; digits < 8; digits++) {
      const text = value.toFixed(digits);
      if (isEnough(text, digits)) return text;
    }
    return String(value);
  }

  /** A probability in three decimals, and in more where these would round it to 1. */
  function score(value) {
    return enough(value, 3, (text) => value === 1 || Number(text) < 1);
  }

  return {minus, fixed, short, pixels, many, enough, score};
})();
