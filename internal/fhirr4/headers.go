package fhirr4

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The FHIR R4 form of an id is [A-Za-z0-9\-\.]{1,64}. Servers with longer ones
// or with underscores exist; nothing that could change a URL's path is taken.
var reID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// ValidID reports whether s can be a server's logical id.
func ValidID(s string) bool { return reID.MatchString(s) && !strings.Contains(s, "..") }

// ParseLocation finds the id and version that a Location header names, in the
// shapes seen among servers: absolute or relative, with or without a leading
// slash, with or without /_history/version. Both are empty when it names none.
func ParseLocation(location, resourceType string) (id, version string) {
	u, err := url.Parse(location)
	if err != nil {
		return "", ""
	}
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i := len(parts) - 2; i >= 0; i-- {
		if parts[i] != resourceType || !ValidID(parts[i+1]) {
			continue
		}
		if len(parts) == i+4 && parts[i+2] == "_history" && ValidID(parts[i+3]) {
			return parts[i+1], parts[i+3]
		}
		return parts[i+1], ""
	}
	return "", ""
}

// ParseETag returns the version of an ETag: W/"3", "3" and a bare 3 give 3.
// Anything that is not an id gives the empty string.
func ParseETag(etag string) string {
	v := strings.TrimSpace(etag)
	v = strings.TrimPrefix(v, "W/")
	v = strings.Trim(v, `"`)
	if !ValidID(v) {
		return ""
	}
	return v
}

// MaxRetryAfter is the longest wait that is taken from a server. One that
// asks for more is asked again all the same: its clock or its configuration
// may be wrong, and a signed note waits.
const MaxRetryAfter = time.Hour

// ParseRetryAfter reads seconds or a date (RFC 9110 §10.2.3). Without a
// readable value ok is false. The result is never negative and at most
// MaxRetryAfter.
func ParseRetryAfter(value string, now time.Time) (d time.Duration, ok bool) {
	v := strings.TrimSpace(value)
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, MaxRetryAfter), true
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return min(max(t.Sub(now), 0), MaxRetryAfter), true
}
