'use strict';

/** A table of many rows, a page at a time; one row is chosen, by pointer or by keyboard. */
const PagedList = (() => {
  /**
   * @param label what the table lists
   * @param columns `{title, text(item), value(item)?, plural?, className?}`; those with `value`
   *   can be sorted by, the first time from the greatest, with NaN last either way; `plural` is
   *   what their values are called
   * @param name of an item, in `data-item`
   * @param onChoose called with the item that the reader chose
   */
  function make({label, columns, name, onChoose, rows = 8}) {
    const table = Draw.element('table', {role: 'grid',
      'aria-label': `${label}; arrow keys move through it`});
    const head = table.createTHead().insertRow();
    const body = table.createTBody();
    const where = Draw.element('span');
    const [back, on] = [
      Controls.button({label: '', onClick: () => turn(-1)}),
      Controls.button({label: '', onClick: () => turn(1)}),
    ];
    const pages = Controls.row(back, where, on);
    pages.classList.add('pages');

    let [items, chosen, page] = [[], undefined, 0];
    let sorting = {column: columns.findIndex((column) => column.value), falling: true};

    const headings = columns.map((column, index) => {
      const cell = Draw.element('th', {scope: 'col', class: column.className});
      if (column.value) {
        cell.append(Controls.button({
          label: column.title,
          onClick: () => {
            const again = sorting.column === index;
            sorting = {column: index, falling: again ? !sorting.falling : true};
            sort();
            page = 0;
            render();
          },
        }));
      } else {
        cell.textContent = column.title;
      }
      head.append(cell);
      return cell;
    });

    function sort() {
      const {value} = columns[sorting.column];
      const sign = sorting.falling ? -1 : 1;
      const keys = new Map(items.map((item) => [item, value(item)]));
      items = [...items].sort((a, b) => (
        Number.isNaN(keys.get(a)) - Number.isNaN(keys.get(b))
        || sign * (keys.get(a) - keys.get(b)) || a - b));
    }

    function render() {
      const last = Math.max(0, Math.ceil(items.length / rows) - 1);
      page = Math.min(Math.max(page, 0), last);
      const shown = items.slice(page * rows, (page + 1) * rows);
      const entry = shown.includes(chosen) ? chosen : shown[0];
      body.replaceChildren(...shown.map((item) => {
        const row = Draw.element('tr', {'data-item': name(item), 'aria-selected': item === chosen,
          tabindex: item === entry ? 0 : -1},
        ...columns.map(({text, className}) => Draw.element('td', {class: className}, text(item))));
        row.addEventListener('click', () => pick(item));
        return row;
      }));
      headings.forEach((cell, index) => {
        if (!columns[index].value) return;
        const direction = sorting.falling ? 'descending' : 'ascending';
        cell.setAttribute('aria-sort', index === sorting.column ? direction : 'none');
      });
      where.textContent = items.length
        ? `${page * rows + 1} to ${page * rows + shown.length} of ${items.length}` : 'none';
      const {plural = 'values'} = columns[sorting.column];
      const [before, after] = sorting.falling ? ['higher', 'lower'] : ['lower', 'higher'];
      back.textContent = `← ${before} ${plural}`;
      on.textContent = `${after} ${plural} →`;
      back.disabled = page === 0;
      on.disabled = page === last;
    }

    function turn(step) {
      page += step;
      render();
    }

    function pick(item) {
      choose(item);
      onChoose(item);
      // Whoever listens may have listed the rows again.
      body.querySelector('[aria-selected="true"]')?.focus({preventScroll: true});
    }

    table.addEventListener('keydown', (event) => {
      if (!event.target.closest('tbody')) return;
      const here = items.findIndex((item) => name(item) === event.target.closest('tr').dataset.item);
      const step = {ArrowUp: -1, ArrowDown: 1, PageUp: -rows, PageDown: rows,
        Home: -items.length, End: items.length, Enter: 0, ' ': 0}[event.key];
      if (step === undefined || here < 0) return;
      event.preventDefault();
      pick(items[Math.min(Math.max(here + step, 0), items.length - 1)]);
    });

    /** Marks an item as chosen and turns to its page, if it is listed. */
    function choose(item) {
      chosen = item;
      const at = items.indexOf(item);
      if (at >= 0) page = Math.floor(at / rows);
      render();
    }

    /** Lists other items. */
    function show(others) {
      items = others;
      sort();
      choose(chosen);
    }

    return Object.assign(Draw.element('div', {class: 'list'}, table, pages), {show, choose});
  }

  return {make};
})();
