package fhirr4

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const fhirJSON = "application/fhir+json"

// Create posts a resource. ifNoneExist is a search expression such as
// "identifier=system|value" for a conditional create; empty for none.
// Prefer: return=representation is always sent.
func (c *Client) Create(ctx context.Context, resourceType string, body []byte, ifNoneExist string) (Response, error) {
	h := map[string]string{"Prefer": "return=representation"}
	if ifNoneExist != "" {
		h["If-None-Exist"] = ifNoneExist
	}
	return c.do(ctx, call{client: c.creates, method: http.MethodPost, ref: resourceType, accept: fhirJSON,
		ctype: fhirJSON, header: h, body: body})
}

// Read gets "Type/id".
func (c *Client) Read(ctx context.Context, resourceType, id string) (Response, error) {
	if !ValidID(id) {
		return Response{}, fmt.Errorf("read %s: the id has not the form of a FHIR id", resourceType)
	}
	return c.do(ctx, call{client: c.reads, method: http.MethodGet, ref: resourceType + "/" + id, accept: fhirJSON})
}

// Fetch gets what an attachment's url points to, in the form the server
// prefers. The url must be on the server itself.
func (c *Client) Fetch(ctx context.Context, ref string) (Response, error) {
	return c.do(ctx, call{client: c.reads, method: http.MethodGet, ref: ref,
		accept: "text/plain, text/html;q=0.9, text/rtf;q=0.8, application/rtf;q=0.8, " + fhirJSON + ";q=0.7, */*;q=0.1"})
}

// Capabilities reads the server's CapabilityStatement.
func (c *Client) Capabilities(ctx context.Context) (Capabilities, error) {
	r, err := c.do(ctx, call{client: c.reads, method: http.MethodGet, ref: "metadata", accept: fhirJSON})
	if err != nil {
		return Capabilities{}, err
	}
	if !r.OK() || !r.Complete {
		return Capabilities{}, &StatusError{Status: r.Status}
	}
	var cs Capabilities
	if err := json.Unmarshal(r.Body, &cs); err != nil {
		return Capabilities{}, &StatusError{Status: r.Status}
	}
	return cs, nil
}

// StatusError says that a read or search was answered otherwise than with a
// resource. It says nothing about any write.
type StatusError struct {
	Status int
	// RetryAfter is the answer's Retry-After header, as it was sent.
	RetryAfter string
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("fhir call: answered with status %d", e.Status)
}

// MaxPages bounds how many pages of one search are read.
const MaxPages = 10

// ErrTooMany says that a search has more pages than MaxPages.
var ErrTooMany = fmt.Errorf("fhir search: more than %d pages", MaxPages)

// Search posts a search and returns the matching resources of all pages, as
// JSON. Includes and outcomes in the bundle are left out.
func (c *Client) Search(ctx context.Context, resourceType string, q url.Values) ([]json.RawMessage, error) {
	k := call{client: c.reads, method: http.MethodPost, ref: resourceType + "/_search", accept: fhirJSON,
		ctype: "application/x-www-form-urlencoded", body: []byte(q.Encode())}
	var found []json.RawMessage
	for range MaxPages {
		r, err := c.do(ctx, k)
		if err != nil {
			return nil, err
		}
		if !r.OK() || !r.Complete {
			return nil, &StatusError{Status: r.Status, RetryAfter: r.Header.Get("Retry-After")}
		}
		page, next, err := readBundle(r.Body, resourceType)
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
		if next == "" {
			return found, nil
		}
		k = call{client: c.reads, method: http.MethodGet, ref: next, accept: fhirJSON}
	}
	return nil, ErrTooMany
}

func readBundle(body []byte, resourceType string) (found []json.RawMessage, next string, err error) {
	var b struct {
		ResourceType string `json:"resourceType"`
		Link         []struct {
			Relation string `json:"relation"`
			URL      string `json:"url"`
		} `json:"link"`
		Entry []struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &b) != nil || b.ResourceType != "Bundle" {
		return nil, "", fmt.Errorf("search %s: the answer is not a Bundle", resourceType)
	}
	for _, l := range b.Link {
		if strings.EqualFold(l.Relation, "next") {
			next = l.URL
		}
	}
	for _, e := range b.Entry {
		var t struct {
			ResourceType string `json:"resourceType"`
		}
		if json.Unmarshal(e.Resource, &t) == nil && t.ResourceType == resourceType {
			found = append(found, e.Resource)
		}
	}
	return found, next, nil
}
