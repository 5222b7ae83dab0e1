// Azurite saves its index of blobs every five seconds, so that a kill would lose what it has
// acknowledged. Azure does not. On SIGUSR2 it saves the index and dies, at once: nothing is
// acknowledged in between, and no connection is closed in order.
"use strict";
const { writeFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const Loki = createRequire(process.argv[1])("lokijs");

const databases = new Set();
const { configureOptions } = Loki.prototype;
Loki.prototype.configureOptions = function (...given) {
  databases.add(this);
  return configureOptions.apply(this, given);
};
process.on("SIGUSR2", () => {
  for (const database of databases) writeFileSync(database.filename, database.serialize());
  process.kill(process.pid, "SIGKILL");
});
