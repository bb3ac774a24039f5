package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc/metadata"
)

// errNoToken says that there is no bearer token, or one nobody knows.
var errNoToken = errors.New("ingest: no device has this bearer token")

// BearerToken returns the token of the metadata key "authorization: Bearer …"
// (RFC 6750 section 2.1) of an incoming call.
func BearerToken(ctx context.Context) (string, bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", false
	}
	return token, true
}

// Device is one that has authenticated, and what it may record.
type Device struct {
	ID string // as in Start
	// Site is the only site it may record at. Empty means any: for loopback
	// addresses only.
	Site review.SiteID
	// Practitioners are those whose visits it may record. Empty means every
	// practitioner of the site.
	Practitioners []review.PractitionerID
}

// mayUse refuses every site but the device's own, in the same words whether
// it exists or not. That a stream which is resumed belongs to the site is for
// the domain to see.
func (d Device) mayUse(site review.SiteID) error {
	if d.Site == "" || site == d.Site {
		return nil
	}
	return refuse(countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE, "start.site_id", "start.site_id: not a site of this device", "ask the gateway's operator for the site id")
}

// mayRecordFor refuses practitioners who are not the device's, in the same
// words whether they exist or not.
func (d Device) mayRecordFor(id review.PractitionerID) error {
	if len(d.Practitioners) == 0 || slices.Contains(d.Practitioners, id) {
		return nil
	}
	return refuse(countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_PRACTITIONER, "start.practitioner", "start.practitioner: not a practitioner of this device", "have the practitioner registered for this device")
}

// DeviceTokens is an Options.DeviceAuth over a table from the SHA-256 of each
// token to its device. Tokens are looked up by hash, so that the time taken
// tells nothing of a token. The map must not change afterwards.
func DeviceTokens(devices map[review.Digest]Device) func(context.Context) (Device, error) {
	return func(ctx context.Context) (Device, error) {
		token, ok := BearerToken(ctx)
		if !ok {
			return Device{}, errNoToken
		}
		d, ok := devices[sha256.Sum256([]byte(token))]
		if !ok {
			return Device{}, errNoToken
		}
		return d, nil
	}
}
