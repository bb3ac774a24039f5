package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"countersign/review"
)

// Columns that need more than database/sql's own conversions.

// micros is a time as stored: 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

type timeColumn struct{ t *time.Time }

func (c timeColumn) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time column is %T", src)
	}
	*c.t = time.Time{}
	if v != 0 {
		*c.t = time.UnixMicro(v).UTC()
	}
	return nil
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

type boolColumn struct{ b *bool }

func (c boolColumn) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("boolean column is %T", src)
	}
	*c.b = v != 0
	return nil
}

type digestColumn struct{ d *review.Digest }

func (c digestColumn) Scan(src any) error {
	v, ok := src.([]byte)
	if !ok || len(v) != len(c.d) {
		return fmt.Errorf("digest column is %T", src)
	}
	copy(c.d[:], v)
	return nil
}

// textColumn reads NULL as the empty string.
type textColumn[S ~string] struct{ s *S }

func (c textColumn[S]) Scan(src any) error {
	var n sql.NullString
	if err := n.Scan(src); err != nil {
		return err
	}
	*c.s = S(n.String)
	return nil
}

// optional is NULL for the empty string, for columns that refer to a row.
func optional[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

type jsonColumn struct{ v any }

func (c jsonColumn) Scan(src any) error {
	switch b := src.(type) {
	case string:
		return json.Unmarshal([]byte(b), c.v)
	case []byte:
		return json.Unmarshal(b, c.v)
	}
	return fmt.Errorf("json column is %T", src)
}

// encode is JSON of plain data, which always can be encoded.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("sqlstore: plain data cannot be encoded: " + err.Error())
	}
	return b
}
