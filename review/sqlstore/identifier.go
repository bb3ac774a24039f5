package sqlstore

import (
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"countersign/review"
)

// Owners of identifiers.
const (
	ownerPatient   = "patient"
	ownerEncounter = "encounter"
)

// insertIdentifiers stores identifiers in order; one that is repeated in the
// list is stored once, one that names another owner is a conflict.
func (t *tx) insertIdentifiers(site review.SiteID, kind, owner string, ids []review.Identifier) error {
	return t.appendIdentifiers(site, kind, owner, nil, ids)
}

// addIdentifiers stores those of ids that the owner does not have yet.
func (t *tx) addIdentifiers(site review.SiteID, kind, owner string, ids []review.Identifier) error {
	have, err := t.identifiers(site, kind, owner)
	if err != nil {
		return err
	}
	return t.appendIdentifiers(site, kind, owner, have, ids)
}

func (t *tx) appendIdentifiers(site review.SiteID, kind, owner string, have, ids []review.Identifier) error {
	if len(ids) == 0 {
		return nil
	}
	k, err := t.siteKey(site)
	if err != nil {
		return err
	}
	seen := map[review.Identifier]bool{}
	for _, id := range have {
		seen[id] = true
	}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		pos := len(seen)
		sealed, err := t.seal(site, siteRef(site), encode(id), "identifiers", "sealed", kind+"/"+owner+"/"+strconv.Itoa(pos))
		if err != nil {
			return err
		}
		if err := t.insert("insert "+kind+" identifier", `INSERT INTO identifiers
			(owner_kind, owner_id, position, site_id, type, destination_id, hash, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			kind, owner, pos, site, id.Type, id.Destination, identifierHash(k, id), sealed); err != nil {
			return err
		}
	}
	return nil
}

// identifierHash covers authority and value; type and destination are columns
// of their own, since the same number of two kinds is two identifiers.
func identifierHash(k review.SiteKey, id review.Identifier) []byte {
	return k.Hash("identifiers.hash", strconv.Itoa(len(id.Authority))+":"+id.Authority+strings.TrimSpace(string(id.Value)))
}

func (r *reader) identifiers(site review.SiteID, kind, owner string) ([]review.Identifier, error) {
	type row struct {
		pos    int
		sealed []byte
	}
	var rows []row
	err := r.query(kind+" identifiers", func(rs *sql.Rows) error {
		var x row
		err := rs.Scan(&x.pos, &x.sealed)
		rows = append(rows, x)
		return err
	}, `SELECT position, sealed FROM identifiers WHERE owner_kind = $1 AND owner_id = $2 ORDER BY position`, kind, owner)
	if err != nil {
		return nil, err
	}
	var out []review.Identifier
	for _, x := range rows {
		plain, err := r.unseal(site, siteRef(site), x.sealed, "identifiers", "sealed", kind+"/"+owner+"/"+strconv.Itoa(x.pos))
		if err != nil {
			return nil, err
		}
		var id review.Identifier
		if err := json.Unmarshal(plain, &id); err != nil {
			return nil, review.Errorf(review.KindInternal, "identifier of %s %s: it cannot be decoded", kind, owner)
		}
		out = append(out, id)
	}
	return out, nil
}

// findOwner returns whom any of the identifiers names. Identifiers that name
// two are a conflict: choosing one could be the wrong person.
func (r *reader) findOwner(site review.SiteID, kind string, ids []review.Identifier) (string, error) {
	k, err := r.siteKey(site)
	if err != nil {
		return "", err
	}
	found := ""
	for _, id := range ids {
		var owner string
		err := r.one("find "+kind, []any{&owner},
			`SELECT owner_id FROM identifiers WHERE site_id = $1 AND owner_kind = $2 AND type = $3 AND destination_id = $4 AND hash = $5`,
			site, kind, id.Type, id.Destination, identifierHash(k, id))
		switch {
		case errors.Is(err, review.ErrNotFound):
			continue
		case err != nil:
			return "", err
		case found != "" && found != owner:
			return "", review.Errorf(review.KindConflict, "find %s: the identifiers name two different ones: check them", kind)
		}
		found = owner
	}
	if found == "" {
		return "", notFound("find " + kind)
	}
	return found, nil
}
