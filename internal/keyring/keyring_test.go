package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"countersign/review"
)

func setup(t testing.TB) *Keyring {
	t.Helper()
	k, err := NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSite(t testing.TB, k *Keyring, id review.SiteID) (review.SiteKey, []byte) {
	t.Helper()
	s, wrapped, err := k.NewSiteKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return s, wrapped
}

func newData(t testing.TB, s review.SiteKey, owner, class string) (review.DataKey, []byte) {
	t.Helper()
	d, wrapped, err := s.NewDataKey(owner, class)
	if err != nil {
		t.Fatal(err)
	}
	return d, wrapped
}

func TestSealAcrossReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	k, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	site, wrappedSite := newSite(t, k, "main")
	data, wrappedData := newData(t, site, "r1", "transcript")
	sealed, err := data.Seal([]byte("words"), []byte("t|c|1"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("words")) {
		t.Error("sealed text holds the plain text")
	}
	if n := len(sealed) - len("words"); n > 40 {
		t.Errorf("sealing adds %d bytes: want at most 40", n)
	}

	k2, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	site2, err := k2.OpenSiteKey("main", wrappedSite)
	if err != nil {
		t.Fatal(err)
	}
	data2, err := site2.OpenDataKey("r1", "transcript", wrappedData)
	if err != nil {
		t.Fatal(err)
	}
	got, err := data2.Open(sealed, []byte("t|c|1"))
	if err != nil || string(got) != "words" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if !bytes.Equal(site.Hash("d", "v"), site2.Hash("d", "v")) {
		t.Error("a reopened site key hashes differently")
	}
	jws, err := k.Signer().Sign([]byte("p"))
	if err != nil {
		t.Fatal(err)
	}
	if err := k2.Signer().Verify([]byte("p"), jws); err != nil {
		t.Errorf("a reopened signer refuses its own signature: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	k := setup(t)
	site, wrappedSite := newSite(t, k, "main")
	data, wrappedData := newData(t, site, "r1", "transcript")
	other, _ := newSite(t, k, "other")
	sealed, err := data.Seal([]byte("words"), []byte("t|c|1"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(d review.DataKey, c []byte, ad string) error { _, err := d.Open(c, []byte(ad)); return err }
	dataOf := func(s review.SiteKey, owner, class string, w []byte) error {
		_, err := s.OpenDataKey(owner, class, w)
		return err
	}
	siteOf := func(k *Keyring, id review.SiteID, w []byte) error { _, err := k.OpenSiteKey(id, w); return err }
	another, _ := newData(t, site, "r1", "transcript")

	for name, err := range map[string]error{
		"WrongRow":         open(data, sealed, "t|c|2"),
		"WrongColumn":      open(data, sealed, "t|d|1"),
		"AnotherDataKey":   open(another, sealed, "t|c|1"),
		"Cut":              open(data, sealed[:10], "t|c|1"),
		"Empty":            open(data, nil, "t|c|1"),
		"DataKeyOwner":     dataOf(site, "r2", "transcript", wrappedData),
		"DataKeyClass":     dataOf(site, "r1", "note", wrappedData),
		"DataKeyOtherSite": dataOf(other, "r1", "transcript", wrappedData),
		"SiteName":         siteOf(k, "other", wrappedSite),
		"WrongMaster":      siteOf(setup(t), "main", wrappedSite),
		"EmptySite":        siteOf(k, "main", nil),
	} {
		t.Run(name, func(t *testing.T) {
			if err == nil {
				t.Error("opened")
			}
		})
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if open(data, bad, "t|c|1") == nil {
			t.Fatalf("opened with byte %d changed", i)
		}
	}
	for i := range wrappedSite {
		bad := bytes.Clone(wrappedSite)
		bad[i] ^= 1
		if siteOf(k, "main", bad) == nil {
			t.Fatalf("site key opened with byte %d changed", i)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a, _ := newSite(t, k, "main")
	b, _ := newSite(t, k, "other")
	if n := len(a.Hash("d", "v")); n != 32 {
		t.Errorf("hash has %d bytes: want 32", n)
	}
	seen := map[string]string{}
	for name, h := range map[string][]byte{
		"base": a.Hash("d", "v"), "domain": a.Hash("e", "v"), "value": a.Hash("d", "w"),
		"shifted": a.Hash("dv", ""), "site": b.Hash("d", "v"),
	} {
		if old, ok := seen[string(h)]; ok {
			t.Errorf("%s and %s hash alike", name, old)
		}
		seen[string(h)] = name
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	create := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "key")
		if _, err := Create(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("Mode0600", func(t *testing.T) {
		path := create(t)
		for _, p := range []string{path, path + ".signing"} {
			info, err := os.Stat(p)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v, %v", p, info.Mode(), err)
			}
		}
	})
	t.Run("ErrMissing", func(t *testing.T) {
		if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("ErrReadableByOthers", func(t *testing.T) {
		for _, suffix := range []string{"", ".signing"} {
			path := create(t)
			if err := os.Chmod(path+suffix, 0o640); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("err = %v", err)
			}
		}
	})
	t.Run("ErrExists", func(t *testing.T) {
		path := create(t)
		if _, err := Create(path); err == nil {
			t.Error("overwritten")
		}
	})
	t.Run("ErrGarbage", func(t *testing.T) {
		for _, suffix := range []string{"", ".signing"} {
			for _, text := range []string{"", "{}", "no key", `{"primaryKeyId":1}`} {
				path := create(t)
				if err := os.WriteFile(path+suffix, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := Open(path); err == nil {
					t.Errorf("opened with %q as its text", text)
				}
			}
		}
	})
}

func TestSigner(t *testing.T) {
	t.Parallel()
	s, other := setup(t).Signer(), setup(t).Signer()
	jws, err := s.Sign([]byte(`{"v":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(jws, "..") {
		t.Errorf("not detached: %d parts", strings.Count(jws, ".")+1)
	}
	if err := s.Verify([]byte(`{"v":1}`), jws); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"Payload":  s.Verify([]byte(`{"v":2}`), jws),
		"OtherKey": other.Verify([]byte(`{"v":1}`), jws),
		"Garbage":  s.Verify([]byte(`{"v":1}`), "a..b"),
		"Empty":    s.Verify([]byte(`{"v":1}`), ""),
		"Changed":  s.Verify([]byte(`{"v":1}`), jws[:len(jws)-4]+"AAAA"),
	} {
		if err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	s := setup(t).Signer()
	b, err := s.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(b, &set); err != nil {
		t.Fatal(err)
	}
	keys := set.Key(s.KeyID())
	if len(keys) != 1 || !keys[0].IsPublic() || bytes.Contains(b, []byte(`"d"`)) {
		t.Fatalf("want one public key, got %d", len(keys))
	}
	jws, err := s.Sign([]byte("p"))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := jose.ParseDetached(jws, []byte("p"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if err := sig.DetachedVerify([]byte("p"), keys[0]); err != nil {
		t.Errorf("the exported key refuses the signature: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	k := setup(b)
	site, _ := newSite(b, k, "main")
	data, wrapped := newData(b, site, "r1", "transcript")
	text := bytes.Repeat([]byte("x"), 400)
	b.Run("Seal400B", func(b *testing.B) {
		for b.Loop() {
			if _, err := data.Seal(text, []byte("t|c|1")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("OpenDataKey", func(b *testing.B) {
		for b.Loop() {
			if _, err := site.OpenDataKey("r1", "transcript", wrapped); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("NewDataKey", func(b *testing.B) {
		for b.Loop() {
			newData(b, site, "r1", "transcript")
		}
	})
}
