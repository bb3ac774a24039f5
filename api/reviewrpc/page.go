package reviewrpc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"countersign/review"

	"google.golang.org/protobuf/proto"
)

// page is a page_token: where to go on, and a hash of the filters, which must
// stay the same. It holds ids and numbers only, for it stands in URLs.
type page struct {
	After   string `json:"a,omitempty"`
	Offset  int    `json:"o,omitempty"`
	Filters []byte `json:"f"`
}

// paged is a request with pages.
type paged interface {
	proto.Message
	GetPageSize() uint32
	GetPageToken() string
}

// readPage returns where to go on and how many to send.
func readPage(r paged, usual, most int) (page, int, error) {
	size := int(r.GetPageSize())
	if size == 0 {
		size = usual
	}
	if size > most {
		return page{}, 0, review.Errorf(review.KindInvalid, "page_size: at most %d", most)
	}
	p := page{Filters: filters(r)}
	if r.GetPageToken() == "" {
		return p, size, nil
	}
	var got page
	b, err := base64.RawURLEncoding.DecodeString(r.GetPageToken())
	if err != nil || json.Unmarshal(b, &got) != nil || string(got.Filters) != string(p.Filters) || got.Offset < 0 {
		return page{}, 0, review.Errorf(review.KindInvalid, "page_token: not of a list with these filters: begin again without it")
	}
	return got, size, nil
}

// filters hashes what must stay the same from page to page.
func filters(r paged) []byte {
	c := proto.Clone(r)
	m := c.ProtoReflect()
	for _, name := range []string{"page_token", "page_size"} {
		m.Clear(m.Descriptor().Fields().ByName(protoName(name)))
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		return nil // invalid UTF-8: gRPC refuses the request before this
	}
	sum := sha256.Sum256(append([]byte(m.Descriptor().FullName()), b...))
	return sum[:8]
}

func (p page) token() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("reviewrpc: page token cannot be encoded: " + err.Error()) // plain data always can
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// cut returns one page of a list that is whole in memory.
func cut[T any](all []T, p page, size int) (out []T, next string) {
	from := min(p.Offset, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		p.Offset = to
		next = p.token()
	}
	return all[from:to], next
}
