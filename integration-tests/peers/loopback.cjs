// Preload of every peer: node -r ./loopback.cjs PEER.
//  - whatever a peer's library listens on becomes a free port of 127.0.0.1: some ignore the address they are given;
//  - "READY <port>" is printed when it listens;
//  - the peer ends when its stdin closes, so it never outlives the test process, even one that was killed.
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const done = args.find((a) => typeof a === 'function');
  this.once('listening', () => console.log('READY ' + this.address().port));
  return listen.call(this, { port: 0, host: '127.0.0.1' }, done);
};
process.stdin.on('close', () => process.exit(0)).resume();

// A peer tells the test what it understood by one line of JSON.
globalThis.tell = (event) => console.log('EVENT ' + JSON.stringify(event));
