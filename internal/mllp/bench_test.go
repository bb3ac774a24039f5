package mllp

import (
	"bytes"
	"context"
	"net"
	"testing"
)

// BenchmarkSend is a 4 KiB message and a short answer over one loopback connection.
func BenchmarkSend(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &Server{Handler: func(context.Context, []byte) Reply { return Reply{Message: []byte("MSA|AA|1\r")} }}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	c := NewClient(l.Addr().String(), ClientOptions{})
	msg := bytes.Repeat([]byte("x"), 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Send(context.Background(), msg); err != nil {
			b.Fatal(err)
		}
	}
	_ = c.Close()
	_ = s.Shutdown(context.Background())
	<-done
}
