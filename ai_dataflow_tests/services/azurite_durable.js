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

// Azure begins a listing at `startFrom`, which deltalake relies on; Azurite passes it over, and a
// Delta table's third commit then fails.
const { dirname, join } = require("node:path");
const MARKER = 6; // listBlobs' argument after whose name a page begins, not counting the context
const stores = join(dirname(process.argv[1]), "persistence", "LokiBlobMetadataStore.js");
const { prototype } = require(stores).default;
const { listBlobs } = prototype;
prototype.listBlobs = function (context, ...given) {
  const first = context.request?.getQuery("startFrom");
  if (first && !given[MARKER]) given[MARKER] = justBefore(first);
  return listBlobs.call(this, context, ...given);
};

function justBefore(name) {
  const last = name.charCodeAt(name.length - 1);
  return name.slice(0, -1) + String.fromCharCode(last - 1) + "\uffff";
}
