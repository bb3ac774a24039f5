package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"gopkg.in/yaml.v3"

	"countersign/api/ingest"
	"countersign/internal/staff"
	"countersign/review"
)

type deviceAuth = func(context.Context) (ingest.Device, error)

// deviceEntry is one device of the devices file: its id, the one site it
// stands at, and the SHA-256 of its bearer token, so that the file holds no
// secret. With practitioners it may record the visits of those only. A device
// may have several entries, one for each token it may show.
//
//	devices:
//	  - {id: exam-room-1, site: demo, token_sha256: 9f86…}
//	  - {id: phone-7, site: demo, practitioners: [dr-rivera], token_sha256: 2c26…}
type deviceEntry struct {
	ID            string                  `yaml:"id"`
	Site          review.SiteID           `yaml:"site"`
	Practitioners []review.PractitionerID `yaml:"practitioners"`
	TokenSHA256   string                  `yaml:"token_sha256"`
}

// loadDevices reads the devices file; nil without one. Its error lists every
// fault. Practitioners are compared with people unless that is nil.
func (c Config) loadDevices(people []staff.Entry) (deviceAuth, error) {
	if c.DevicesFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(c.DevicesFile)
	if err != nil {
		return nil, fmt.Errorf("devices_file: %w", err)
	}
	var f struct {
		Devices []deviceEntry `yaml:"devices"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("devices_file: %w", err)
	}
	var faults []error
	if len(f.Devices) == 0 {
		faults = append(faults, errors.New("devices: the file names none"))
	}
	table, siteOf := map[review.Digest]ingest.Device{}, map[string]review.SiteID{}
	for i, e := range f.Devices {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("devices[%d].%s", i, fmt.Sprintf(format, args...)))
		}
		for _, text := range e.faults(c.siteIDs(), people) {
			fault("%s", text)
		}
		var sum review.Digest
		if err := sum.UnmarshalText([]byte(e.TokenSHA256)); err != nil || sum.IsZero() {
			fault("token_sha256: give the SHA-256 of the device's token, 64 hex characters")
		} else if _, used := table[sum]; used {
			fault("token_sha256: is used twice: give every device its own token")
		}
		if site, used := siteOf[e.ID]; used && site != e.Site {
			fault("id: %q stands at another site too: give it another id there", e.ID)
		}
		siteOf[e.ID] = e.Site
		table[sum] = ingest.Device{ID: e.ID, Site: e.Site, Practitioners: e.Practitioners}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("devices_file: %w", err)
	}
	return ingest.DeviceTokens(table), nil
}

func (e deviceEntry) faults(sites []review.SiteID, people []staff.Entry) (out []string) {
	if e.ID == "" || len(e.ID) > 64 {
		out = append(out, "id: give 1 to 64 characters, as the device sends it")
	}
	switch {
	case e.Site == "":
		out = append(out, "site: missing: say at which site the device stands")
	case !slices.Contains(sites, e.Site):
		out = append(out, fmt.Sprintf("site: %q is not a site of the configuration", e.Site))
	}
	for _, id := range e.Practitioners {
		authors := func(p staff.Entry) bool { return p.ID == id && p.Site == e.Site && p.Practitioner().MayAuthor() }
		if people != nil && !slices.ContainsFunc(people, authors) {
			out = append(out, fmt.Sprintf("practitioners: %q is not a practitioner of the device's site who may author notes", id))
		}
	}
	return out
}

func trimSpace(b []byte) []byte { return bytes.TrimSpace(b) }
