//go:build integration

package integrationtests

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/adapters/hl7mdm"
	"countersign/review"

	"github.com/google/go-cmp/cmp"
)

// heardMDM is what a peer's parser found in a message.
type heardMDM struct {
	Type           string   `json:"type"`
	ControlID      string   `json:"control_id"`
	PatientID      string   `json:"patient_id"`
	PatientName    string   `json:"patient_name"`
	Visit          string   `json:"visit"`
	DocumentNumber string   `json:"document_number"`
	Status         string   `json:"status"`
	Segments       []string `json:"segments"`
	Texts          []string `json:"texts"` // OBX-5, still escaped
	Plain          []string `json:"plain"` // OBX-5 by a peer that undoes the escapes itself
}

func mdmDestination() review.Destination {
	return review.Destination{ID: "mdm", Adapter: "hl7mdm", Mode: review.ModeSimulated}
}

func mdmAdapter(t *testing.T, addr string, o hl7mdm.Options) *hl7mdm.Adapter {
	t.Helper()
	a, err := hl7mdm.New(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// wantHeard fails unless the peer understood the message as it was meant:
// persons, numbers, and the signed text byte for byte.
func wantHeard(t *testing.T, p *peer, d review.Document) {
	t.Helper()
	got := nextEvent[heardMDM](t, p, nil)
	text := got.Plain
	// HL7 v2.5.1 §2.7: the escapes of the default delimiters; ~ begins the next line of TX.
	plain := strings.NewReplacer("~", "\n", `\F\`, "|", `\S\`, "^", `\T\`, "&", `\R\`, "~", `\E\`, `\`)
	for _, s := range got.Texts {
		text = append(text, plain.Replace(s))
	}
	want := heardMDM{
		Type: "MDM^T02", ControlID: d.ControlID, PatientID: adaptertest.MRN, PatientName: adaptertest.PatientFamily,
		Visit: adaptertest.VisitNumber, DocumentNumber: d.DocumentNumber, Status: "LA",
	}
	segments := got.Segments
	got.Texts, got.Plain, got.Segments = nil, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the peer read otherwise (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(string(d.Rendering.Body), strings.Join(text, "\n\n")); diff != "" {
		t.Errorf("the peer's text is not the signed one (-want +got):\n%s", diff)
	}
	if head := strings.Join(segments, " "); head != "" && !strings.HasPrefix(head, "MSH EVN PID PV1 TXA OBX") && !strings.HasPrefix(head, "EVN PID PV1 TXA OBX") {
		t.Errorf("segments %s", head)
	}
}

func TestPeerMDMAccepted(t *testing.T) {
	t.Parallel()
	peers := map[string]struct {
		script string
		// kept: the peer takes several messages on one connection.
		kept bool
	}{
		"medplum":         {"medplum-hl7.cjs", true},
		"node-hl7-server": {"node-hl7-peer.cjs", false},
		"simple-hl7":      {"simple-hl7-peer.cjs", true},
	}
	for name, c := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, nil, c.script)
			a := mdmAdapter(t, p.addr, hl7mdm.Options{})
			for range 3 {
				d := adaptertest.Document(t, mdmDestination())
				rec, err := a.WriteBack(peerContext(t), d)
				if err != nil {
					t.Fatal(err)
				}
				if rec.AckCode != "AA" || rec.ControlID != d.ControlID || rec.WrittenSHA256 != d.Rendering.SHA256 {
					t.Errorf("receipt %+v", rec)
				}
				wantHeard(t, p, d)
				if !c.kept {
					a = mdmAdapter(t, p.addr, hl7mdm.Options{})
				}
			}
		})
	}
}

func TestPeerMDMRefused(t *testing.T) {
	t.Parallel()
	busy := hl7mdm.Options{BusyAfter: 9 * time.Second}
	permanent := func(code string) func(*testing.T, error) {
		return func(t *testing.T, err error) { t.Helper(); wantPermanent(t, err, code) }
	}
	// An AR without a code of table 0357 is "system down" (§2.9.2).
	down := func(t *testing.T, err error) { t.Helper(); wantRetryAfter(t, err, "mllp_ar", 9*time.Second) }
	peers := map[string]struct {
		script, answer string
		want           func(*testing.T, error)
	}{
		"medplum AE":         {"medplum-hl7.cjs", "AE", permanent("mllp_ae")},
		"medplum AR":         {"medplum-hl7.cjs", "AR", down},
		"node-hl7-server AE": {"node-hl7-peer.cjs", "AE", permanent("mllp_ae")},
		"node-hl7-server AR": {"node-hl7-peer.cjs", "AR", down},
		"simple-hl7 AR ERR":  {"simple-hl7-peer.cjs", "refuse", down},
	}
	for name, c := range peers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, nil, c.script, c.answer)
			d := adaptertest.Document(t, mdmDestination())
			_, err := mdmAdapter(t, p.addr, busy).WriteBack(peerContext(t), d)
			c.want(t, err)
			wantHeard(t, p, d)
		})
	}
}

// A commit acknowledgement is not a filed note: Medplum's enhanced mode
// answers CA.
func TestPeerMDMCommitted(t *testing.T) {
	t.Parallel()
	p := startPeer(t, nil, "medplum-hl7.cjs", "enhanced")
	d := adaptertest.Document(t, mdmDestination())
	_, err := mdmAdapter(t, p.addr, hl7mdm.Options{}).WriteBack(peerContext(t), d)
	var committed *adapters.CommittedError
	if !errors.As(err, &committed) || committed.Code != "mllp_ca" {
		t.Errorf("got %v, want committed", err)
	}
	wantHeard(t, p, d)
}

// An answer to another message proves nothing about ours.
func TestPeerMDMWrongControlID(t *testing.T) {
	t.Parallel()
	wantUnknown := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, adapters.ErrUnknownOutcome) || adapters.CodeOf(err) != "mllp_ack_of_another_message" {
			t.Errorf("got %v, want unknown outcome: mllp_ack_of_another_message", err)
		}
	}
	t.Run("AE with a random MSA-2", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, nil, "node-hl7-peer.cjs")
		// The adapter itself sends no such version; an engine on the way may.
		engine := alteringEngine(t, p.addr, "|2.5.1|", "|9.9|")
		_, err := mdmAdapter(t, engine, hl7mdm.Options{}).WriteBack(peerContext(t), adaptertest.Document(t, mdmDestination()))
		wantUnknown(t, err)
	})
	t.Run("a version that HL7 does not have is not sent", func(t *testing.T) {
		t.Parallel()
		_, err := mdmAdapter(t, "127.0.0.1:1", hl7mdm.Options{VersionID: "9.9"}).WriteBack(peerContext(t), adaptertest.Document(t, mdmDestination()))
		wantPermanent(t, err, "mdm_invalid")
	})
	t.Run("AA with the MSA-2 of the message before", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, nil, "node-hl7-peer.cjs")
		a := mdmAdapter(t, p.addr, hl7mdm.Options{})
		if _, err := a.WriteBack(peerContext(t), adaptertest.Document(t, mdmDestination())); err != nil {
			t.Fatal(err)
		}
		_, err := a.WriteBack(peerContext(t), adaptertest.Document(t, mdmDestination()))
		wantUnknown(t, err)
		// The connection was given up: the next message is answered by its own number.
		if _, err := a.WriteBack(peerContext(t), adaptertest.Document(t, mdmDestination())); err != nil {
			t.Errorf("on a new connection: %v", err)
		}
	})
}

func TestPeerMDMOverTLS(t *testing.T) {
	t.Parallel()
	key, cert, pool := selfSigned(t)
	p := startPeer(t, nil, "node-hl7-peer.cjs", "AA", key, cert)
	t.Run("accepted", func(t *testing.T) {
		d := adaptertest.Document(t, mdmDestination())
		if _, err := mdmAdapter(t, p.addr, hl7mdm.Options{TLS: &tls.Config{RootCAs: pool}}).WriteBack(peerContext(t), d); err != nil {
			t.Fatal(err)
		}
		wantHeard(t, p, d)
	})
	t.Run("a certificate nobody vouches for stops the message", func(t *testing.T) {
		_, err := mdmAdapter(t, p.addr, hl7mdm.Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}).WriteBack(peerContext(t), adaptertest.Document(t, mdmDestination()))
		var gone *adapters.NotArrivedError
		if !errors.As(err, &gone) {
			t.Errorf("got %v, want not arrived", err)
		}
	})
}

// alteringEngine passes messages on to a receiver and changes words in them,
// as an interface engine does. It passes one message and its answer.
func alteringEngine(t *testing.T, to, from, into string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		in, err := l.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		frame, err := bufio.NewReader(in).ReadBytes(0x1c)
		if err != nil {
			return
		}
		out.Write(append(bytes.Replace(frame, []byte(from), []byte(into), 1), '\r'))
		if frame, err = bufio.NewReader(out).ReadBytes(0x1c); err == nil {
			in.Write(append(frame, '\r'))
		}
	}()
	return l.Addr().String()
}

// selfSigned writes a key and a certificate for 127.0.0.1.
func selfSigned(t *testing.T) (key, cert string, pool *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, block string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return write("key.pem", "PRIVATE KEY", keyDER), write("cert.pem", "CERTIFICATE", der), pool
}
