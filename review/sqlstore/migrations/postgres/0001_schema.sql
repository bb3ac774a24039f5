-- The journal. Times are microseconds since 1970 UTC, 0 where there is none.
-- Booleans are 0 or 1. Columns named sealed* are AEAD ciphertexts with
-- "table|column|row id" as associated data; *_hash columns are keyed hashes.
-- Nothing else here is PHI. Empty text means "none".

CREATE TABLE meta (
    key   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- config is the site as JSON; wrapped_key is its site key under the master key.
CREATE TABLE sites (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    config      TEXT COLLATE "C" NOT NULL,
    wrapped_key BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- Not filled yet: destinations stand in sites.config until gates exist.
CREATE TABLE destinations (
    site_id TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    id      TEXT COLLATE "C" NOT NULL,
    adapter TEXT COLLATE "C" NOT NULL,
    mode    TEXT COLLATE "C" NOT NULL CHECK (mode IN ('simulated', 'test', 'production')),
    config  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site_id, id)
);

-- Not filled yet. A gate needs two people.
CREATE TABLE site_gates (
    site_id        TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    destination_id TEXT COLLATE "C" NOT NULL,
    gate           TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL CHECK (state IN ('closed', 'proposed', 'open')),
    proposed_by    TEXT COLLATE "C" NOT NULL,
    confirmed_by   TEXT COLLATE "C" NOT NULL,
    changed_at     BIGINT NOT NULL,
    PRIMARY KEY (site_id, destination_id, gate),
    CHECK (state <> 'open' OR (confirmed_by <> '' AND confirmed_by <> proposed_by))
);

CREATE TABLE practitioners (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id    TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    config     TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX practitioners_by_site ON practitioners (site_id, id);

-- Not filled yet.
CREATE TABLE groups (
    id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    config  TEXT COLLATE "C" NOT NULL
);

-- Not filled yet. Delegation covers co-signature only.
CREATE TABLE delegations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id    TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    delegator  TEXT COLLATE "C" NOT NULL REFERENCES practitioners (id),
    delegate   TEXT COLLATE "C" NOT NULL REFERENCES practitioners (id),
    valid_from BIGINT NOT NULL,
    valid_to   BIGINT NOT NULL,
    CHECK (delegator <> delegate AND valid_to > valid_from)
);

-- Not filled yet.
CREATE TABLE devices (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id     TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    config      TEXT COLLATE "C" NOT NULL,
    enrolled_at BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL
);

-- One key per (owner, class): transcript of a recording, note, site. A
-- destroyed key keeps its row and loses its bytes.
CREATE TABLE data_keys (
    owner        TEXT COLLATE "C" NOT NULL,
    class        TEXT COLLATE "C" NOT NULL CHECK (class IN ('transcript', 'note', 'site')),
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    wrapped      BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    destroyed_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, class),
    CHECK ((destroyed_at = 0 AND length(wrapped) > 0) OR (destroyed_at > 0 AND length(wrapped) = 0))
);

-- Destroyed keys, to be destroyed again in a restored database before it serves.
CREATE TABLE tombstones (
    owner        TEXT COLLATE "C" NOT NULL,
    class        TEXT COLLATE "C" NOT NULL,
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    destroyed_at BIGINT NOT NULL CHECK (destroyed_at > 0),
    PRIMARY KEY (owner, class)
);

-- name_birth_hash is of the normalised last name and the birth date; empty
-- where one of them is not known. Two patients may share it.
CREATE TABLE patients (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id         TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    sealed          BYTEA NOT NULL,
    name_birth_hash BYTEA NOT NULL CHECK (length(name_birth_hash) IN (0, 32)),
    created_at      BIGINT NOT NULL
);
CREATE INDEX patients_by_name_birth ON patients (site_id, name_birth_hash);

-- hash is of authority and value. The same identifier never names two owners.
CREATE TABLE identifiers (
    owner_kind     TEXT COLLATE "C" NOT NULL CHECK (owner_kind IN ('patient', 'encounter')),
    owner_id       TEXT COLLATE "C" NOT NULL,
    position       BIGINT NOT NULL CHECK (position >= 1),
    site_id        TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    type           TEXT COLLATE "C" NOT NULL,
    destination_id TEXT COLLATE "C" NOT NULL,
    hash           BYTEA NOT NULL CHECK (length(hash) = 32),
    sealed         BYTEA NOT NULL,
    PRIMARY KEY (owner_kind, owner_id, position),
    UNIQUE (site_id, owner_kind, type, destination_id, hash)
);

-- The root row of everything below it: any step locks it by its audit chain.
CREATE TABLE encounters (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    patient_id   TEXT COLLATE "C" REFERENCES patients (id),
    bound        BIGINT NOT NULL CHECK (bound IN (0, 1)),
    class        TEXT COLLATE "C" NOT NULL CHECK (class IN ('AMB', 'EMER', 'IMP', 'VR', 'HH')),
    period_start BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    audit_head   BYTEA NOT NULL CHECK (length(audit_head) = 32),
    audit_count  BIGINT NOT NULL CHECK (audit_count >= 0),
    CHECK (bound = 0 OR patient_id IS NOT NULL)
);
CREATE INDEX encounters_by_site ON encounters (site_id, id);

-- client_hash is of the device's own id, which may be anything; sealed holds
-- that id and the details of the visit, under the site's key.
CREATE TABLE recordings (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    encounter_id TEXT COLLATE "C" NOT NULL REFERENCES encounters (id),
    device_id    TEXT COLLATE "C" NOT NULL,
    client_hash  BYTEA NOT NULL CHECK (length(client_hash) = 32),
    practitioner TEXT COLLATE "C" NOT NULL,
    note_type    TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'closed', 'cancelled')),
    sealed       BYTEA NOT NULL,
    started_at   BIGINT NOT NULL,
    closed_at    BIGINT NOT NULL,
    UNIQUE (site_id, device_id, client_hash),
    CHECK ((state = 'open') = (closed_at = 0))
);
CREATE INDEX recordings_by_encounter ON recordings (encounter_id);

-- Sealed under the site's key: the proof of consent outlives the transcript.
CREATE TABLE consents (
    recording_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES recordings (id),
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    sealed       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE streams (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    recording_id TEXT COLLATE "C" NOT NULL REFERENCES recordings (id),
    sealed_label BYTEA NOT NULL,
    epoch        BIGINT NOT NULL CHECK (epoch >= 0),
    durable_seq  BIGINT NOT NULL CHECK (durable_seq >= 0),
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'ended')),
    token_sha256 BYTEA NOT NULL CHECK (length(token_sha256) = 32),
    created_at   BIGINT NOT NULL
);
CREATE INDEX streams_by_recording ON streams (recording_id);

-- One row for each append: utterances first_seq to last_seq.
CREATE TABLE chunks (
    stream_id  TEXT COLLATE "C" NOT NULL REFERENCES streams (id),
    first_seq  BIGINT NOT NULL CHECK (first_seq >= 1),
    last_seq   BIGINT NOT NULL,
    site_id    TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (stream_id, first_seq),
    CHECK (last_seq >= first_seq)
);

CREATE TABLE notes (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id         TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    encounter_id    TEXT COLLATE "C" NOT NULL REFERENCES encounters (id),
    patient_id      TEXT COLLATE "C" REFERENCES patients (id),
    kind            TEXT COLLATE "C" NOT NULL CHECK (kind IN ('original', 'addendum', 'amendment')),
    family          TEXT COLLATE "C" NOT NULL,
    parent_id       TEXT COLLATE "C" REFERENCES notes (id),
    type            TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL CHECK (state IN ('drafting', 'draft_failed', 'ready_for_review', 'in_review', 'pending_cosign',
                        'handed_over', 'completed', 'superseded', 'discarded', 'unauthenticated', 'entered_in_error')),
    author          TEXT COLLATE "C" NOT NULL,
    revision        BIGINT NOT NULL CHECK (revision >= 0),
    open_flags      BIGINT NOT NULL CHECK (open_flags >= 0),
    policy_version  BIGINT NOT NULL,
    confidential    TEXT COLLATE "C" NOT NULL CHECK (confidential IN ('U', 'R', 'V')),
    created_at      BIGINT NOT NULL,
    state_at        BIGINT NOT NULL,
    draft_attempts  BIGINT NOT NULL CHECK (draft_attempts >= 0),
    next_attempt_at BIGINT NOT NULL,
    error_code      TEXT COLLATE "C" NOT NULL,
    CHECK ((kind = 'original') = (parent_id IS NULL)),
    CHECK (kind <> 'original' OR family = id)
);
CREATE INDEX notes_by_site ON notes (site_id, created_at, id);
CREATE INDEX notes_by_time ON notes (created_at, id);
CREATE INDEX notes_by_encounter ON notes (encounter_id);
CREATE INDEX notes_by_family ON notes (family);
CREATE INDEX notes_owed ON notes (next_attempt_at, id) WHERE state = 'drafting';

CREATE TABLE note_recordings (
    note_id      TEXT COLLATE "C" NOT NULL REFERENCES notes (id),
    position     BIGINT NOT NULL CHECK (position >= 1),
    recording_id TEXT COLLATE "C" NOT NULL REFERENCES recordings (id),
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    PRIMARY KEY (note_id, position),
    UNIQUE (note_id, recording_id)
);
CREATE INDEX note_recordings_by_recording ON note_recordings (recording_id);

-- sealed holds content and generator. key_owner and key_class name its key:
-- the first recording's while it is the drafter's text, then the note's.
CREATE TABLE revisions (
    note_id        TEXT COLLATE "C" NOT NULL REFERENCES notes (id),
    number         BIGINT NOT NULL CHECK (number >= 1),
    site_id        TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    key_owner      TEXT COLLATE "C" NOT NULL,
    key_class      TEXT COLLATE "C" NOT NULL CHECK (key_class IN ('transcript', 'note')),
    sealed         BYTEA NOT NULL,
    content_sha256 BYTEA NOT NULL CHECK (length(content_sha256) = 32),
    signed         BIGINT NOT NULL CHECK (signed IN (0, 1)),
    created_by     TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (note_id, number),
    CHECK (signed = 0 OR key_class = 'note')
);

-- Not filled yet: content is one sealed document in revisions. These rows
-- will index it for reports across notes, without text.
CREATE TABLE statements (
    note_id      TEXT COLLATE "C" NOT NULL,
    revision     BIGINT NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    position     BIGINT NOT NULL,
    section_code TEXT COLLATE "C" NOT NULL,
    origin       TEXT COLLATE "C" NOT NULL CHECK (origin IN ('ai', 'chart', 'template', 'clinician')),
    PRIMARY KEY (note_id, revision, id),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number)
);

-- Not filled yet, as statements.
CREATE TABLE flags (
    note_id      TEXT COLLATE "C" NOT NULL,
    revision     BIGINT NOT NULL,
    statement_id TEXT COLLATE "C" NOT NULL,
    position     BIGINT NOT NULL,
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    kind         TEXT COLLATE "C" NOT NULL,
    severity     TEXT COLLATE "C" NOT NULL CHECK (severity IN ('blocking', 'advisory')),
    resolution   TEXT COLLATE "C" NOT NULL,
    resolved_by  TEXT COLLATE "C" NOT NULL,
    resolved_at  BIGINT NOT NULL,
    PRIMARY KEY (note_id, revision, statement_id, position),
    FOREIGN KEY (note_id, revision, statement_id) REFERENCES statements (note_id, revision, id)
);

CREATE TABLE due_signatures (
    note_id         TEXT COLLATE "C" NOT NULL REFERENCES notes (id),
    position        BIGINT NOT NULL CHECK (position >= 1),
    site_id         TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    meaning         TEXT COLLATE "C" NOT NULL CHECK (meaning IN ('author', 'co_signature')),
    practitioner    TEXT COLLATE "C" NOT NULL,
    signed_revision BIGINT NOT NULL CHECK (signed_revision >= 0),
    PRIMARY KEY (note_id, position)
);
CREATE INDEX due_signatures_open ON due_signatures (practitioner, note_id) WHERE signed_revision = 0;

CREATE TABLE signatures (
    note_id            TEXT COLLATE "C" NOT NULL,
    revision           BIGINT NOT NULL,
    position           BIGINT NOT NULL,
    site_id            TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    practitioner       TEXT COLLATE "C" NOT NULL CHECK (practitioner <> ''),
    name               TEXT COLLATE "C" NOT NULL,
    credential         TEXT COLLATE "C" NOT NULL,
    role               TEXT COLLATE "C" NOT NULL,
    meaning            TEXT COLLATE "C" NOT NULL CHECK (meaning IN ('author', 'co_signature')),
    sealed_attestation BYTEA NOT NULL,
    content_sha256     BYTEA NOT NULL CHECK (length(content_sha256) = 32),
    rendering_sha256   BYTEA NOT NULL CHECK (length(rendering_sha256) = 32),
    signed_at          BIGINT NOT NULL CHECK (signed_at > 0),
    auth_method        TEXT COLLATE "C" NOT NULL,
    jws                TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (note_id, revision, position),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number)
);

-- The exact bytes for each format. seq counts the renderings of one revision
-- and format: each signature may bring its own.
CREATE TABLE renderings (
    note_id          TEXT COLLATE "C" NOT NULL,
    revision         BIGINT NOT NULL,
    format           TEXT COLLATE "C" NOT NULL,
    seq              BIGINT NOT NULL CHECK (seq >= 1),
    site_id          TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    renderer_version TEXT COLLATE "C" NOT NULL,
    sha256           BYTEA NOT NULL CHECK (length(sha256) = 32),
    sealed           BYTEA NOT NULL,
    sealed_parts     BYTEA NOT NULL,
    created_at       BIGINT NOT NULL,
    PRIMARY KEY (note_id, revision, format, seq),
    UNIQUE (note_id, revision, format, sha256),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number)
);

CREATE TABLE writebacks (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id          TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    encounter_id     TEXT COLLATE "C" NOT NULL REFERENCES encounters (id),
    note_id          TEXT COLLATE "C" NOT NULL REFERENCES notes (id),
    family           TEXT COLLATE "C" NOT NULL,
    seq              BIGINT NOT NULL CHECK (seq >= 1),
    revision         BIGINT NOT NULL,
    destination_id   TEXT COLLATE "C" NOT NULL,
    adapter          TEXT COLLATE "C" NOT NULL,
    action           TEXT COLLATE "C" NOT NULL CHECK (action IN ('create', 'update', 'replace', 'append', 'retract')),
    format           TEXT COLLATE "C" NOT NULL,
    depends_on       TEXT COLLATE "C" NOT NULL,
    state            TEXT COLLATE "C" NOT NULL CHECK (state IN ('held', 'pending', 'sending', 'committed', 'accepted', 'rejected', 'unknown',
                         'manual', 'superseded')),
    verification     TEXT COLLATE "C" NOT NULL CHECK (verification IN ('none', 'verified', 'edited_in_ehr', 'mismatch', 'failed')),
    control_id       TEXT COLLATE "C" NOT NULL UNIQUE,
    attempts         BIGINT NOT NULL CHECK (attempts >= 0),
    next_attempt_at  BIGINT NOT NULL,
    verify_at        BIGINT NOT NULL,
    holder           TEXT COLLATE "C" NOT NULL,
    error_code       TEXT COLLATE "C" NOT NULL,
    sealed_receipt   BYTEA NOT NULL,
    created_at       BIGINT NOT NULL,
    state_at         BIGINT NOT NULL,
    owed_since       BIGINT NOT NULL,
    rendering_sha256 BYTEA NOT NULL CHECK (length(rendering_sha256) = 32),
    addressee_sha256 BYTEA NOT NULL CHECK (length(addressee_sha256) = 32),
    UNIQUE (note_id, revision, destination_id, action),
    UNIQUE (family, destination_id, seq),
    FOREIGN KEY (note_id, revision) REFERENCES revisions (note_id, number),
    CHECK (state <> 'sending' OR (holder <> '' AND attempts >= 1)),
    CHECK (depends_on <> id)
);
CREATE INDEX writebacks_by_site ON writebacks (site_id);
CREATE INDEX writebacks_by_holder ON writebacks (holder) WHERE holder <> '';
CREATE INDEX writebacks_owed ON writebacks (next_attempt_at, family) WHERE state IN ('pending', 'unknown', 'committed');
CREATE INDEX writebacks_to_verify ON writebacks (verify_at, family) WHERE verify_at > 0;

-- Written before the first byte leaves.
CREATE TABLE attempts (
    writeback_id TEXT COLLATE "C" NOT NULL REFERENCES writebacks (id),
    number       BIGINT NOT NULL CHECK (number >= 1),
    site_id      TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    holder       TEXT COLLATE "C" NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    outcome      TEXT COLLATE "C" NOT NULL,
    error_code   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (writeback_id, number),
    CHECK ((ended_at = 0) = (outcome = ''))
);

-- Not filled yet: messages from destinations, such as late acknowledgements.
CREATE TABLE inbound_messages (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id     TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    source      TEXT COLLATE "C" NOT NULL,
    control_id  TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    sealed      BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    UNIQUE (site_id, source, control_id)
);

-- Append-only. The head of an encounter's chain is on its encounters row.
CREATE TABLE audit_events (
    chain       TEXT COLLATE "C" NOT NULL,
    seq         BIGINT NOT NULL CHECK (seq >= 1),
    site_id     TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor       TEXT COLLATE "C" NOT NULL,
    auth_method TEXT COLLATE "C" NOT NULL,
    action      TEXT COLLATE "C" NOT NULL,
    entity      TEXT COLLATE "C" NOT NULL,
    outcome     TEXT COLLATE "C" NOT NULL,
    details     TEXT COLLATE "C" NOT NULL,
    prev_hash   BYTEA NOT NULL CHECK (length(prev_hash) = 32),
    hash        BYTEA NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, seq)
);

-- Heads of the administrative chains.
CREATE TABLE audit_heads (
    chain   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    head    BYTEA NOT NULL CHECK (length(head) = 32),
    count   BIGINT NOT NULL CHECK (count >= 0)
);

-- One run of one process; it serves every site.
CREATE TABLE incarnations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    counter    BIGINT NOT NULL CHECK (counter >= 1),
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL
);
