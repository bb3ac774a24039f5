// Package embeddednats gives the process its NATS connection: to a server that
// runs inside the process, or to a cluster somewhere else.
//
// # In the process
//
//	ns, err := embeddednats.Start(ctx, "./countersign-data/nats", embeddednats.Options{Logger: log})
//	if err != nil { … }
//	defer ns.Shutdown()
//	queue, err := workqueue.Open(ctx, ns.Conn(), workqueue.Options{Logger: log})
//
// The server keeps JetStream in the directory given and opens no port: clients
// in the process use pipes. Options.Listen opens one on loopback, for tools.
//
// # The store may be lost
//
// NATS only moves work (docs/design.md, promise 2), so losing the store must
// cost time, never work, and never the process. Server therefore watches its
// own store: when the directory of a stream disappears under it, or JetStream
// switches itself off after a write error, the server is restarted in place on
// whatever is left. Connections obtained from Conn or Connect reconnect by
// themselves; package workqueue re-creates its stream and consumers; the sweep
// publishes again what the database says is owed.
//
// # Durability
//
// By default nats-server acknowledges a message before fsync, with one fsync
// every two minutes (nats-server#7564). Options.SyncAlways makes it fsync
// before every acknowledgement, at 1–3 thousand messages a second instead of
// tens of thousands. The database, not the queue, keeps the promise; SyncAlways
// only saves the wait for a sweep after a power cut.
//
// # Elsewhere
//
// Connect dials an external server or cluster by URL, with TLS and a
// credentials file. It keeps trying until its context ends, and afterwards
// reconnects for ever. Messages are not buffered while the connection is down:
// a publisher gets an error at once, because the sweep will publish again.
package embeddednats
