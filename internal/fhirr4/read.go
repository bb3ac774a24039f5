package fhirr4

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"mime"
	"strings"
)

// Content is what an attachment holds, with its media type in lower case and
// without parameters.
type Content struct {
	Type string
	Data []byte
}

// Open returns an attachment's bytes, from its data or from its url, which
// must be on the same server.
func (c *Client) Open(ctx context.Context, a AttachmentView) (Content, error) {
	if a.Data != "" {
		return decode(a.ContentType, a.Data)
	}
	if a.URL == "" {
		return Content{}, ErrAttachment
	}
	r, err := c.Fetch(ctx, a.URL)
	if err != nil {
		return Content{}, err
	}
	if !r.OK() || !r.Complete {
		return Content{}, &StatusError{Status: r.Status, RetryAfter: r.Header.Get("Retry-After")}
	}
	t := mediaType(r.Header.Get("Content-Type"))
	var b struct {
		ResourceType string `json:"resourceType"`
		ContentType  string `json:"contentType"`
		Data         string `json:"data"`
	}
	if strings.HasSuffix(t, "json") && json.Unmarshal(r.Body, &b) == nil && b.ResourceType == "Binary" {
		return decode(b.ContentType, b.Data)
	}
	if t == "" {
		t = mediaType(a.ContentType)
	}
	return Content{Type: t, Data: r.Body}, nil
}

func decode(contentType, data string) (Content, error) {
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return Content{}, ErrAttachment
	}
	return Content{Type: mediaType(contentType), Data: b}, nil
}

func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil {
		t, _, _ = strings.Cut(strings.ToLower(s), ";")
	}
	return strings.TrimSpace(t)
}

// SameReference reports whether a server's literal reference names the
// resource "Type/id" of that server. It may be relative, absolute below base
// (Client.Base), or version-specific.
func SameReference(ref, base, resourceType, id string) bool {
	ref = strings.TrimPrefix(ref, base)
	ref, _, _ = strings.Cut(ref, "/_history/")
	return id != "" && strings.TrimPrefix(ref, "/") == resourceType+"/"+id
}

// Same reports whether the chart's content is what was written: the same
// bytes, or the same words in the same order after the server laid the text
// out anew. written is UTF-8 plain text.
func Same(written []byte, c Content) bool {
	if string(c.Data) == string(written) {
		return true
	}
	text, ok := PlainText(c)
	return ok && text == Words(string(written))
}
