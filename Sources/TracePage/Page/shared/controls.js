'use strict';

/** Labelled controls, all usable by keyboard. Each gives an element with a `value`. */
const Controls = (() => {
  const {element} = Draw;
  let count = 0;

  function labelled(text, input, ...after) {
    input.id ||= `control-${++count}`;
    return element('label', {class: 'control', for: input.id},
      element('span', {}, text), input, ...after);
  }

  /** A choice among `options`, `[value, text]` each. `onChange(value)` is called on a change. */
  function select({label, options, value, onChange}) {
    const input = element('select');
    for (const [key, text] of options) input.add(new Option(text, key));
    if (value !== undefined) input.value = value;
    input.addEventListener('change', () => onChange(input.value));
    return Object.assign(labelled(label, input), {input});
  }

  /** A number on a slider, with its value beside it. */
  function slider({label, least, greatest, step, value, format = String, onInput}) {
    const input = element('input', {type: 'range', min: least, max: greatest, step, value});
    const output = element('output');
    const show = () => {
      output.textContent = format(input.valueAsNumber);
      input.setAttribute('aria-valuetext', output.textContent);
    };
    show();
    input.addEventListener('input', () => {
      show();
      onInput(input.valueAsNumber);
    });
    return Object.assign(labelled(label, input, output), {input, show});
  }

  /** Something that is on or off. */
  function toggle({label, value, onChange}) {
    const input = element('input', {type: 'checkbox'});
    input.checked = value;
    input.addEventListener('change', () => onChange(input.checked));
    const control = labelled(label, input);
    control.classList.add('toggle');
    return Object.assign(control, {input});
  }

  /** A button. */
  function button({label, onClick}) {
    const input = element('button', {type: 'button'}, label);
    input.addEventListener('click', onClick);
    return input;
  }

  /** A row of controls. */
  function row(...controls) {
    return element('div', {class: 'controls'}, ...controls);
  }

  return {select, slider, toggle, button, row};
})();
