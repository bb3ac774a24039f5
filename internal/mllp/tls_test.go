package mllp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// certificate makes a self-signed certificate for 127.0.0.1 and a pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mllp test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t)
	addr := startServer(t, &Server{Handler: echo, TLS: &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}})
	t.Run("OK: both sides known, connection reused", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, addr, ClientOptions{TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}})
		if first := wantReply(t, c, "1", "re:1"); first.TLS <= 0 {
			t.Errorf("timings %+v: want a TLS handshake", first)
		}
		if second := wantReply(t, c, "2", "re:2"); !second.Reused {
			t.Error("connection not reused")
		}
	})
	t.Run("not sent: server not trusted", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, addr, ClientOptions{TLS: &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{cert}}})
		reply, _, err := c.Send(context.Background(), []byte("1"))
		var unknownAuthority x509.UnknownAuthorityError
		wantNotSent(t, reply, err, PhaseTLS, err)
		if !errors.As(err, &unknownAuthority) {
			t.Errorf("error %v, want an unknown authority", err)
		}
	})
	t.Run("unknown: client has no certificate", func(t *testing.T) {
		t.Parallel()
		// TLS 1.3 tells a client only after it may have written, so the honest answer is "unknown".
		c := newClient(t, addr, ClientOptions{TLS: &tls.Config{RootCAs: pool}})
		_, _, err := c.Send(context.Background(), []byte("1"))
		var unknown *UnknownError
		if !errors.As(err, &unknown) {
			t.Errorf("error %v, want an unknown outcome", err)
		}
	})
	t.Run("not sent: peer speaks no TLS", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "\x0bhello\x1c\r") })
		c := newClient(t, p.addr, ClientOptions{TLS: &tls.Config{RootCAs: pool}})
		reply, _, err := c.Send(context.Background(), []byte("1"))
		wantNotSent(t, reply, err, PhaseTLS, err)
	})
}
