// Loaded before a process's own code: whatever asks for a name, a connection or a port is written to standard error and refused.
'use strict';
const refuse = (what) => () => {
  process.stderr.write(`SOCKET ${what}\n`);
  throw new Error(`no network: ${what}`);
};
require('node:net').Socket.prototype.connect = refuse('connect');
require('node:net').Server.prototype.listen = refuse('listen');
require('node:dgram').createSocket = refuse('dgram');
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6']) require('node:dns')[name] = refuse(`dns.${name}`);
globalThis.fetch = refuse('fetch');
globalThis.WebSocket = refuse('WebSocket');
