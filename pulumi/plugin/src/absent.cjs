// In place of packages that only programs need whose functions Pulumi puts into Lambda: the component has none.
"use strict";

module.exports = {};
