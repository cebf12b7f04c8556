'use strict';

Page.exhibit('maps', async (bench, {maps}) => {
  bench.textContent = maps.map((map) => map.name).join(' ');
});
