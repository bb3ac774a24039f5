package sqlstore

import (
	"errors"
	"sync"

	"countersign/review"
)

// Classes of data keys.
const (
	classTranscript = "transcript" // owner: a recording
	classNote       = "note"       // owner: a note
	classSite       = "site"       // owner: a site
)

// keyRef names a data key.
type keyRef struct{ owner, class string }

// KeyDestroyer is implemented by the Tx of this store.
type KeyDestroyer interface {
	// DestroyKey erases a data key and leaves a tombstone. Whatever it sealed
	// is KindNotFound from then on, on every process. Destroying it again
	// does nothing; a key that never was is KindNotFound. class is
	// "transcript" with a recording id or "note" with a note id as owner.
	DestroyKey(owner, class string) error
}

var _ KeyDestroyer = (*tx)(nil)

// maxCachedKeys bounds opened data keys in memory, about 2 kB each.
const maxCachedKeys = 4096

// keyCache saves the work of unwrapping. Its keys are the wrapped bytes
// themselves, as read in the running transaction: a key that was rolled back
// or destroyed is never asked for.
type keyCache struct {
	sealer review.Sealer
	mu     sync.Mutex
	sites  map[string]review.SiteKey
	data   map[string]review.DataKey
}

func newKeyCache(s review.Sealer) *keyCache {
	return &keyCache{sealer: s, sites: map[string]review.SiteKey{}, data: map[string]review.DataKey{}}
}

func (c *keyCache) site(id review.SiteID, wrapped []byte) (review.SiteKey, error) {
	c.mu.Lock()
	k, ok := c.sites[string(wrapped)]
	c.mu.Unlock()
	if ok {
		return k, nil
	}
	k, err := c.sealer.OpenSiteKey(id, wrapped)
	if err == nil {
		c.mu.Lock()
		c.sites[string(wrapped)] = k
		c.mu.Unlock()
	}
	return k, err
}

func (c *keyCache) open(k review.SiteKey, ref keyRef, wrapped []byte) (review.DataKey, error) {
	c.mu.Lock()
	d, ok := c.data[string(wrapped)]
	c.mu.Unlock()
	if ok {
		return d, nil
	}
	d, err := k.OpenDataKey(ref.owner, ref.class, wrapped)
	if err == nil {
		c.put(d, wrapped)
	}
	return d, err
}

func (c *keyCache) put(d review.DataKey, wrapped []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.data { // any one: map order is random enough
		if len(c.data) < maxCachedKeys {
			break
		}
		delete(c.data, old)
	}
	c.data[string(wrapped)] = d
}

func (c *keyCache) drop(wrapped []byte) {
	c.mu.Lock()
	delete(c.data, string(wrapped))
	c.mu.Unlock()
}

func (r *reader) siteKey(id review.SiteID) (review.SiteKey, error) {
	if k, ok := r.sites[id]; ok {
		return k, nil
	}
	var wrapped []byte
	if err := r.one("site key", []any{&wrapped}, `SELECT wrapped_key FROM sites WHERE id = $1`, id); err != nil {
		return nil, err
	}
	k, err := r.s.keys.site(id, wrapped)
	if err == nil {
		r.sites[id] = k
	}
	return k, err
}

// dataKey opens a key that exists; a destroyed one is KindNotFound.
func (r *reader) dataKey(site review.SiteID, ref keyRef) (review.DataKey, error) {
	if k, ok := r.data[ref]; ok {
		return k, nil
	}
	var wrapped []byte
	var destroyed int64
	if err := r.one("data key", []any{&wrapped, &destroyed},
		`SELECT wrapped, destroyed_at FROM data_keys WHERE owner = $1 AND class = $2`, ref.owner, ref.class); err != nil {
		return nil, err
	}
	if destroyed != 0 {
		return nil, errDestroyed
	}
	sk, err := r.siteKey(site)
	if err != nil {
		return nil, err
	}
	k, err := r.s.keys.open(sk, ref, wrapped)
	if err == nil {
		r.data[ref] = k
	}
	return k, err
}

var errDestroyed = review.Errorf(review.KindNotFound, "data key: it was destroyed, and with it what it sealed")

// ensureKey opens a key, making it where there is none.
func (t *tx) ensureKey(site review.SiteID, ref keyRef) (review.DataKey, error) {
	k, err := t.dataKey(site, ref)
	if err == nil || err == errDestroyed || !errors.Is(err, review.ErrNotFound) {
		return k, err
	}
	sk, err := t.siteKey(site)
	if err != nil {
		return nil, err
	}
	k, wrapped, err := sk.NewDataKey(ref.owner, ref.class)
	if err != nil {
		return nil, err
	}
	err = t.insert("data key", `INSERT INTO data_keys (owner, class, site_id, wrapped, created_at, destroyed_at) VALUES ($1, $2, $3, $4, $5, 0)`,
		ref.owner, ref.class, site, wrapped, micros(t.now))
	if errors.Is(err, review.ErrConflict) && t.broken == nil {
		return t.dataKey(site, ref) // another process made it in the meantime
	}
	if err != nil {
		return nil, err
	}
	t.s.keys.put(k, wrapped)
	t.data[ref] = k
	return k, nil
}

// DestroyKey implements [KeyDestroyer].
func (t *tx) DestroyKey(owner, class string) error {
	ref := keyRef{owner, class}
	var wrapped []byte
	var destroyed int64
	if err := t.one("destroy key", []any{&wrapped, &destroyed},
		`SELECT wrapped, destroyed_at FROM data_keys WHERE owner = $1 AND class = $2`+t.d.lockRow, owner, class); err != nil {
		return err
	}
	if destroyed != 0 {
		return nil
	}
	if err := t.guard("destroy key", `UPDATE data_keys SET wrapped = $1, destroyed_at = $2 WHERE owner = $3 AND class = $4 AND destroyed_at = 0`,
		[]byte{}, micros(t.now), owner, class); err != nil {
		return err
	}
	_, err := t.exec("destroy key", `INSERT INTO tombstones (owner, class, site_id, destroyed_at)
		SELECT owner, class, site_id, destroyed_at FROM data_keys WHERE owner = $1 AND class = $2`, owner, class)
	t.s.keys.drop(wrapped)
	delete(t.data, ref)
	return err
}

// place is where a sealed column stands: the associated data.
func place(table, column, row string) []byte { return []byte(table + "|" + column + "|" + row) }

// seal seals a column under a key that is made where there is none.
func (t *tx) seal(site review.SiteID, ref keyRef, plain []byte, table, column, row string) ([]byte, error) {
	k, err := t.ensureKey(site, ref)
	if err != nil {
		return nil, err
	}
	return k.Seal(plain, place(table, column, row))
}

// unseal opens a column.
func (r *reader) unseal(site review.SiteID, ref keyRef, sealed []byte, table, column, row string) ([]byte, error) {
	k, err := r.dataKey(site, ref)
	if err != nil {
		return nil, err
	}
	plain, err := k.Open(sealed, place(table, column, row))
	if err != nil {
		return nil, review.Errorf(review.KindInternal, "%s.%s of %s: %v", table, column, row, err)
	}
	return plain, nil
}

func siteRef(id review.SiteID) keyRef { return keyRef{string(id), classSite} }
