'use strict';

Page.start();
