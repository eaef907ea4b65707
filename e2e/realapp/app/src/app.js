const _ = require('lodash');
require('express');
console.log('lodash', _.VERSION, 'sums to', _.sum(_.range(4)));
