// Package workqueue moves opaque ids from whoever made a debt to whoever works
// it off, over NATS JetStream.
//
// # The database is the record
//
// A row's state is the debt: a note that is drafting, a write-back that is
// pending. After the commit its id is published; a Worker takes it, reads the
// row, works, and acknowledges. Messages have no body: kind and id are the
// subject, so nothing clinical can be in NATS (promises 2 and 6 of
// docs/design.md). The stream refuses messages above 512 bytes to keep it so.
//
// NATS may lose everything at any time. A Sweeper publishes again what the
// database says is owed: at the start, every interval, and at once when the
// stream had to be made anew. So losing the queue costs time, never work, and
// Publish may be allowed to fail: log it and go on.
//
// # One message for one debt
//
// The stream has WorkQueue retention, one message per subject, and discards
// new messages per subject. Publishing an id that is queued already is
// refused, which Publish reports as success: without that limit each sweep
// would double the queue. WorkQueue, not Limits: only retention that removes
// an acknowledged message frees its subject for the next debt. Message ids are
// not used: their window would suppress a publish that is needed.
//
// # Handlers
//
// Handle may be called twice for the same debt (a crash, a lost
// acknowledgement, two sweeps), also at the same time by two processes when
// heartbeats cannot get through. It must be idempotent, guarded by the
// database. Attempt counts and next_attempt_at live in the database as well:
// nothing here gives up, and nothing is terminated (nats-server#5564).
//
//	nil                acknowledged twice (the server confirms it)
//	RetryAfter(d, err) offered again after d
//	any other error    offered again after 1 s, 2 s, 4 s … at most 30 s
//	ctx cancelled      offered to another process at once
//
// A message that waits for redelivery counts against MaxAckPending, so ten
// thousand families waiting for one EHR could keep every other EHR's from
// being offered. Waits above 30 s therefore do not stay in NATS: the message
// is acknowledged and published again when the time has come, or by the sweep.
//
// # The gap between the last look and the acknowledgement
//
// A handler drains a family until it is empty and returns. A debt committed
// just then is refused as "already queued", although its message is about to
// be acknowledged. Worker.StillOwed closes the gap: it is asked once after the
// acknowledgement, and a yes publishes again. Without it the sweep does, later.
//
// # Streams that change or vanish
//
// Open makes the stream if it is missing and refuses one whose retention,
// limits or replicas differ (ConfigError): a work queue that drops or keeps
// the wrong things is worse than none. While running, consumers notice a
// deleted stream, a deleted consumer, missed heartbeats and a reconnect, and
// make everything again.
package workqueue
