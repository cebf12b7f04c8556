'use strict';
Page.exhibit('masks', async () => {});
