'use strict';
Page.exhibit('biography', async () => {});
