-- The journal. Times are microseconds since 1970 UTC, 0 where there is none.
-- Booleans are 0 or 1. Columns named sealed* are AEAD ciphertexts with
-- "table|column|row id" as associated data; *_hash columns are keyed hashes.
-- Nothing else here is PHI. Empty text means "none".

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- config is the site as JSON; wrapped_key is its site key under the master key.
CREATE TABLE sites (
    id          TEXT NOT NULL PRIMARY KEY,
    config      TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- Not filled yet: destinations stand in sites.config until gates exist.
CREATE TABLE destinations (
    site_id TEXT NOT NULL REFERENCES sites (id),
    id      TEXT NOT NULL,
    adapter TEXT NOT NULL,
    mode    TEXT NOT NULL CHECK (mode IN ('simulated', 'test', 'production')),
    config  TEXT NOT NULL,
    PRIMARY KEY (site_id, id)
) STRICT;

-- Not filled yet. A gate needs two people.
CREATE TABLE site_gates (
    site_id        TEXT NOT NULL REFERENCES sites (id),
    destination_id TEXT NOT NULL,
    gate           TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('closed', 'proposed', 'open')),
    proposed_by    TEXT NOT NULL,
    confirmed_by   TEXT NOT NULL,
    changed_at     INTEGER NOT NULL,
    PRIMARY KEY (site_id, destination_id, gate),
    CHECK (state <> 'open' OR (confirmed_by <> '' AND confirmed_by <> proposed_by))
) STRICT;

CREATE TABLE practitioners (
    id         TEXT NOT NULL PRIMARY KEY,
    site_id    TEXT NOT NULL REFERENCES sites (id),
    config     TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX practitioners_by_site ON practitioners (site_id, id);

-- Not filled yet.
CREATE TABLE groups (
    id      TEXT NOT NULL PRIMARY KEY,
    site_id TEXT NOT NULL REFERENCES sites (id),
    config  TEXT NOT NULL
) STRICT;

-- Not filled yet. Delegation covers co-signature only.
CREATE TABLE delegations (
    id         TEXT NOT NULL PRIMARY KEY,
    site_id    TEXT NOT NULL REFERENCES sites (id),
    delegator  TEXT NOT NULL REFERENCES practitioners (id),
    delegate   TEXT NOT NULL REFERENCES practitioners (id),
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL,
    CHECK (delegator <> delegate AND valid_to > valid_from)
) STRICT;

-- Not filled yet.
CREATE TABLE devices (
    id          TEXT NOT NULL PRIMARY KEY,
    site_id     TEXT NOT NULL REFERENCES sites (id),
    config      TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL
) STRICT;

-- One key per (owner, class): transcript of a recording, note, site. A
-- destroyed key keeps its row and loses its bytes.
CREATE TABLE data_keys (
    owner        TEXT NOT NULL,
    class        TEXT NOT NULL CHECK (class IN ('transcript', 'note', 'site')),
    site_id      TEXT NOT NULL REFERENCES sites (id),
    wrapped      BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    destroyed_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, class),
    CHECK ((destroyed_at = 0 AND length(wrapped) > 0) OR (destroyed_at > 0 AND length(wrapped) = 0))
) STRICT;

-- Destroyed keys, to be destroyed again in a restored database before it serves.
CREATE TABLE tombstones (
    owner        TEXT NOT NULL,
    class        TEXT NOT NULL,
    site_id      TEXT NOT NULL REFERENCES sites (id),
    destroyed_at INTEGER NOT NULL CHECK (destroyed_at > 0),
    PRIMARY KEY (owner, class)
) STRICT;

-- name_birth_hash is of the normalised last name and the birth date; empty
-- where one of them is not known. Two patients may share it.
CREATE TABLE patients (
    id              TEXT NOT NULL PRIMARY KEY,
    site_id         TEXT NOT NULL REFERENCES sites (id),
    sealed          BLOB NOT NULL,
    name_birth_hash BLOB NOT NULL CHECK (length(name_birth_hash) IN (0, 32)),
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX patients_by_name_birth ON patients (site_id, name_birth_hash);

-- hash is of authority and value. The same identifier never names two owners.
CREATE TABLE identifiers (
    owner_kind     TEXT NOT NULL CHECK (owner_kind IN ('patient', 'encounter')),
    owner_id       TEXT NOT NULL,
    position       INTEGER NOT NULL CHECK (position >= 1),
    site_id        TEXT NOT NULL REFERENCES sites (id),
    type           TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    hash           BLOB NOT NULL CHECK (length(hash) = 32),
    sealed         BLOB NOT NULL,
    PRIMARY KEY (owner_kind, owner_id, position),
    UNIQUE (site_id, owner_kind, type, destination_id, hash)
) STRICT;

-- The root row of everything below it: any step locks it by its audit chain.
CREATE TABLE encounters (
    id           TEXT NOT NULL PRIMARY KEY,
    site_id      TEXT NOT NULL REFERENCES sites (id),
    patient_id   TEXT REFERENCES patients (id),
    bound        INTEGER NOT NULL CHECK (bound IN (0, 1)),
    class        TEXT NOT NULL CHECK (class IN ('AMB', 'EMER', 'IMP', 'VR', 'HH')),
    period_start INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    audit_head   BLOB NOT NULL CHECK (length(audit_head) = 32),
    audit_count  INTEGER NOT NULL CHECK (audit_count >= 0),
    CHECK (bound = 0 OR patient_id IS NOT NULL)
) STRICT;
CREATE INDEX encounters_by_site ON encounters (site_id, id);

-- client_hash is of the device's own id, which may be anything; sealed holds
-- that id and the details of the visit, under the site's key.
CREATE TABLE recordings (
    id           TEXT NOT NULL PRIMARY KEY,
    site_id      TEXT NOT NULL REFERENCES sites (id),
    encounter_id TEXT NOT NULL REFERENCES encounters (id),
    device_id    TEXT NOT NULL,
    client_hash  BLOB NOT NULL CHECK (length(client_hash) = 32),
    practitioner TEXT NOT NULL,
    note_type    TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'closed', 'cancelled')),
    sealed       BLOB NOT NULL,
    started_at   INTEGER NOT NULL,
    closed_at    INTEGER NOT NULL,
    UNIQUE (site_id, device_id, client_hash),
    CHECK ((state = 'open') = (closed_at = 0))
) STRICT;
CREATE INDEX recordings_by_encounter ON recordings (encounter_id);

-- Sealed under the site's key: the proof of consent outlives the transcript.
CREATE TABLE consents (
    recording_id TEXT NOT NULL PRIMARY KEY REFERENCES recordings (id),
    site_id      TEXT NOT NULL REFERENCES sites (id),
    sealed       BLOB NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE streams (
    id           TEXT NOT NULL PRIMARY KEY,
    site_id      TEXT NOT NULL REFERENCES sites (id),
    recording_id TEXT NOT NULL REFERENCES recordings (id),
    sealed_label BLOB NOT NULL,
    epoch        INTEGER NOT NULL CHECK (epoch >= 0),
    durable_seq  INTEGER NOT NULL CHECK (durable_seq >= 0),
    state        TEXT NOT NULL CHECK (state IN ('open', 'ended')),
    token_sha256 BLOB NOT NULL CHECK (length(token_sha256) = 32),
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX streams_by_recording ON streams (recording_id);

-- One row for each append: utterances first_seq to last_seq.
CREATE TABLE chunks (
    stream_id  TEXT NOT NULL REFERENCES streams (id),
    first_seq  INTEGER NOT NULL CHECK (first_seq >= 1),
    last_seq   INTEGER NOT NULL,
    site_id    TEXT NOT NULL REFERENCES sites (id),
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (stream_id, first_seq),
    CHECK (last_seq >= first_seq)
) STRICT;

CREATE TABLE notes (
    id              TEXT NOT NULL PRIMARY KEY,
    site_id         TEXT NOT NULL REFERENCES sites (id),
    encounter_id    TEXT NOT NULL REFERENCES encounters (id),
    patient_id      TEXT REFERENCES patients (id),
    kind            TEXT NOT NULL CHECK (kind IN ('original', 'addendum', 'amendment')),
    family          TEXT NOT NULL,
    parent_id       TEXT REFERENCES notes (id),
    type            TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('drafting', 'draft_failed', 'ready_for_review', 'in_review', 'pending_cosign',
                        'handed_over', 'completed', 'superseded', 'discarded', 'unauthenticated', 'entered_in_error')),
    author          TEXT NOT NULL,
    revision        INTEGER NOT NULL CHECK (revision >= 0),
    open_flags      INTEGER NOT NULL CHECK (open_flags >= 0),
    policy_version  INTEGER NOT NULL,
    confidential    TEXT NOT NULL CHECK (confidential IN ('U', 'R', 'V')),
    created_at      INTEGER NOT NULL,
    state_at        INTEGER NOT NULL,
    draft_attempts  INTEGER NOT NULL CHECK (draft_attempts >= 0),
    next_attempt_at INTEGER NOT NULL,
    error_code      TEXT NOT NULL,
    CHECK ((kind = 'original') = (parent_id IS NULL)),
    CHECK (kind <> 'original' OR family = id)
) STRICT;
CREATE INDEX notes_by_site ON notes (site_id, created_at, id);
CREATE INDEX notes_by_time ON notes (created_at, id);
CREATE INDEX notes_by_encounter ON notes (encounter_id);
CREATE INDEX notes_by_family ON notes (family);
CREATE INDEX notes_owed ON notes (next_attempt_at, id) WHERE state = 'drafting';

CREATE TABLE note_recordings (
    note_id      TEXT NOT NULL REFERENCES notes (id),
    position     INTEGER NOT NULL CHECK (position >= 1),
    recording_id TEXT NOT NULL REFERENCES recordings (id),
    site_id      TEXT NOT NULL REFERENCES sites (id),
    PRIMARY KEY (note_id, position),
    UNIQUE (note_id, recording_id)
) STRICT;
CREATE INDEX note_recordings_by_recording ON note_recordings (recording_id);

-- sealed holds content and generator. key_owner and key_class name its key:
-- the first recording's while it is the drafter's text, then the note's.
CREATE TABLE revisions (
    note_id        TEXT NOT NULL REFERENCES notes (id),
    number         INTEGER NOT NULL CHECK (number >= 1),
    site_id        TEXT NOT NULL REFERENCES sites (id),
    key_owner      TEXT NOT NULL,
    key_class      TEXT NOT NULL CHECK (key_class IN ('transcript', 'note')),
    sealed         BLOB NOT NULL,
    content_sha256 BLOB NOT NULL CHECK (length(content_sha256) = 32),
    signed         INTEGER NOT NULL CHECK (signed IN (0, 1)),
    created_by     TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (note_id, number),
    CHECK (signed = 0 OR key_class = 'note')
) STRICT;

-- Not filled yet: content is one sealed document in revisions. These rows
-- will index it for reports across notes, without text.
CREATE TABLE statements (
    note_id      TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    id           TEXT NOT NULL,
    site_id      TEXT NOT NULL REFERENCES sites (id),
    position     INTEGER NOT NULL,
    section_code TEXT NOT NULL,
    origin       TEXT NOT NULL CHECK (origin IN ('ai', 'chart', 'template', 'clinician')),
    PRIMARY KEY (note_id, revision, id),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number)
) STRICT;

-- Not filled yet, as statements.
CREATE TABLE flags (
    note_id      TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    statement_id TEXT NOT NULL,
    position     INTEGER NOT NULL,
    site_id      TEXT NOT NULL REFERENCES sites (id),
    kind         TEXT NOT NULL,
    severity     TEXT NOT NULL CHECK (severity IN ('blocking', 'advisory')),
    resolution   TEXT NOT NULL,
    resolved_by  TEXT NOT NULL,
    resolved_at  INTEGER NOT NULL,
    PRIMARY KEY (note_id, revision, statement_id, position),
    FOREIGN KEY (note_id, revision, statement_id) REFERENCES statements (note_id, revision, id)
) STRICT;

CREATE TABLE due_signatures (
    note_id         TEXT NOT NULL REFERENCES notes (id),
    position        INTEGER NOT NULL CHECK (position >= 1),
    site_id         TEXT NOT NULL REFERENCES sites (id),
    meaning         TEXT NOT NULL CHECK (meaning IN ('author', 'co_signature')),
    practitioner    TEXT NOT NULL,
    signed_revision INTEGER NOT NULL CHECK (signed_revision >= 0),
    PRIMARY KEY (note_id, position)
) STRICT;
CREATE INDEX due_signatures_open ON due_signatures (practitioner, note_id) WHERE signed_revision = 0;

CREATE TABLE signatures (
    note_id            TEXT NOT NULL,
    revision           INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    site_id            TEXT NOT NULL REFERENCES sites (id),
    practitioner       TEXT NOT NULL CHECK (practitioner <> ''),
    name               TEXT NOT NULL,
    credential         TEXT NOT NULL,
    role               TEXT NOT NULL,
    meaning            TEXT NOT NULL CHECK (meaning IN ('author', 'co_signature')),
    sealed_attestation BLOB NOT NULL,
    content_sha256     BLOB NOT NULL CHECK (length(content_sha256) = 32),
    rendering_sha256   BLOB NOT NULL CHECK (length(rendering_sha256) = 32),
    signed_at          INTEGER NOT NULL CHECK (signed_at > 0),
    auth_method        TEXT NOT NULL,
    jws                TEXT NOT NULL,
    PRIMARY KEY (note_id, revision, position),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number)
) STRICT;

-- The exact bytes for each format. seq counts the renderings of one revision
-- and format: each signature may bring its own.
CREATE TABLE renderings (
    note_id          TEXT NOT NULL,
    revision         INTEGER NOT NULL,
    format           TEXT NOT NULL,
    seq              INTEGER NOT NULL CHECK (seq >= 1),
    site_id          TEXT NOT NULL REFERENCES sites (id),
    renderer_version TEXT NOT NULL,
    sha256           BLOB NOT NULL CHECK (length(sha256) = 32),
    sealed           BLOB NOT NULL,
    sealed_parts     BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (note_id, revision, format, seq),
    UNIQUE (note_id, revision, format, sha256),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number)
) STRICT;

CREATE TABLE writebacks (
    id               TEXT NOT NULL PRIMARY KEY,
    site_id          TEXT NOT NULL REFERENCES sites (id),
    encounter_id     TEXT NOT NULL REFERENCES encounters (id),
    note_id          TEXT NOT NULL REFERENCES notes (id),
    family           TEXT NOT NULL,
    seq              INTEGER NOT NULL CHECK (seq >= 1),
    revision         INTEGER NOT NULL,
    destination_id   TEXT NOT NULL,
    adapter          TEXT NOT NULL,
    action           TEXT NOT NULL CHECK (action IN ('create', 'update', 'replace', 'append', 'retract')),
    format           TEXT NOT NULL,
    depends_on       TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('held', 'pending', 'sending', 'committed', 'accepted', 'rejected', 'unknown',
                         'manual', 'superseded')),
    verification     TEXT NOT NULL CHECK (verification IN ('none', 'verified', 'edited_in_ehr', 'mismatch', 'failed')),
    control_id       TEXT NOT NULL UNIQUE,
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    next_attempt_at  INTEGER NOT NULL,
    verify_at        INTEGER NOT NULL,
    holder           TEXT NOT NULL,
    error_code       TEXT NOT NULL,
    sealed_receipt   BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    state_at         INTEGER NOT NULL,
    owed_since       INTEGER NOT NULL,
    rendering_sha256 BLOB NOT NULL CHECK (length(rendering_sha256) = 32),
    addressee_sha256 BLOB NOT NULL CHECK (length(addressee_sha256) = 32),
    UNIQUE (note_id, revision, destination_id, action),
    UNIQUE (family, destination_id, seq),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number),
    CHECK (state <> 'sending' OR (holder <> '' AND attempts >= 1)),
    CHECK (depends_on <> id)
) STRICT;
CREATE INDEX writebacks_by_site ON writebacks (site_id);
CREATE INDEX writebacks_by_holder ON writebacks (holder) WHERE holder <> '';
CREATE INDEX writebacks_owed ON writebacks (next_attempt_at, family) WHERE state IN ('pending', 'unknown', 'committed');
CREATE INDEX writebacks_to_verify ON writebacks (verify_at, family) WHERE verify_at > 0;

-- Written before the first byte leaves.
CREATE TABLE attempts (
    writeback_id TEXT NOT NULL REFERENCES writebacks (id),
    number       INTEGER NOT NULL CHECK (number >= 1),
    site_id      TEXT NOT NULL REFERENCES sites (id),
    holder       TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    outcome      TEXT NOT NULL,
    error_code   TEXT NOT NULL,
    PRIMARY KEY (writeback_id, number),
    CHECK ((ended_at = 0) = (outcome = ''))
) STRICT;

-- Not filled yet: messages from destinations, such as late acknowledgements.
CREATE TABLE inbound_messages (
    id          TEXT NOT NULL PRIMARY KEY,
    site_id     TEXT NOT NULL REFERENCES sites (id),
    source      TEXT NOT NULL,
    control_id  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (site_id, source, control_id)
) STRICT;

-- Append-only. The head of an encounter's chain is on its encounters row.
CREATE TABLE audit_events (
    chain       TEXT NOT NULL,
    seq         INTEGER NOT NULL CHECK (seq >= 1),
    site_id     TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    action      TEXT NOT NULL,
    entity      TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    details     TEXT NOT NULL,
    prev_hash   BLOB NOT NULL CHECK (length(prev_hash) = 32),
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, seq)
) STRICT;

-- Heads of the administrative chains.
CREATE TABLE audit_heads (
    chain   TEXT NOT NULL PRIMARY KEY,
    site_id TEXT NOT NULL REFERENCES sites (id),
    head    BLOB NOT NULL CHECK (length(head) = 32),
    count   INTEGER NOT NULL CHECK (count >= 0)
) STRICT;

-- One run of one process; it serves every site.
CREATE TABLE incarnations (
    id         TEXT NOT NULL PRIMARY KEY,
    counter    INTEGER NOT NULL CHECK (counter >= 1),
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL
) STRICT;
