'use strict';

/** Labelled controls, all usable by keyboard. Each gives an element with a `value`. */
const Controls = (() => {
  let count = 0;

  function labelled(text, input, after) {
    const wrapper = document.createElement('label');
    wrapper.className = 'control';
    const name = document.createElement('span');
    name.textContent = text;
    input.id ||= `control-${++count}`;
    wrapper.htmlFor = input.id;
    wrapper.append(name, input);
    if (after) wrapper.append(after);
    return wrapper;
  }

  /** A choice among `options`, `[value, text]` each. `onChange(value)` is called on a change. */
  function select({label, options, value, onChange}) {
    const input = document.createElement('select');
    for (const [key, text] of options) input.add(new Option(text, key));
    if (value !== undefined) input.value = value;
    input.addEventListener('change', () => onChange(input.value));
    return Object.assign(labelled(label, input), {input});
  }

  /** A number on a slider, with its value beside it. */
  function slider({label, least, greatest, step, value, format = String, onInput}) {
    const input = document.createElement('input');
    Object.assign(input, {type: 'range', min: least, max: greatest, step, value});
    const output = document.createElement('output');
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
    const input = document.createElement('input');
    Object.assign(input, {type: 'checkbox', checked: value});
    input.addEventListener('change', () => onChange(input.checked));
    const element = labelled(label, input);
    element.classList.add('toggle');
    return Object.assign(element, {input});
  }

  /** A button. */
  function button({label, onClick}) {
    const input = document.createElement('button');
    input.type = 'button';
    input.textContent = label;
    input.addEventListener('click', onClick);
    return input;
  }

  /** A row of controls. */
  function row(...controls) {
    const element = document.createElement('div');
    element.className = 'controls';
    element.append(...controls);
    return element;
  }

  return {select, slider, toggle, button, row};
})();
