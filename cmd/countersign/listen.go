package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"countersign/api/ingest"
	"countersign/api/reviewrpc"
	"countersign/api/web"
	countersignpb "countersign/proto/countersign/v1"
	"countersign/review"
)

// listen opens the gRPC and HTTP listeners.
func (a *app) listen(ctx context.Context, auth review.Authenticator, devices deviceAuth, o appOptions) error {
	var tlsConfig *tls.Config
	if a.config.Listen.TLSCertFile != "" {
		cert, err := tls.LoadX509KeyPair(a.config.Listen.TLSCertFile, a.config.Listen.TLSKeyFile)
		if err != nil {
			return fmt.Errorf("listen.tls_cert_file: %w", err)
		}
		tlsConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	if tlsConfig == nil {
		a.warnPlain("listen.grpc", a.config.Listen.GRPC)
		a.warnPlain("listen.http", a.config.Listen.HTTP)
	}
	if err := a.listenGRPC(auth, devices, tlsConfig); err != nil {
		return err
	}
	return a.listenHTTP(ctx, auth, tlsConfig, o)
}

// warnPlain says at every start what listen.plain_network means.
func (a *app) warnPlain(key, addr string) {
	if !loopback(hostOf(addr)) {
		a.log.Warn("listen.plain_network: passwords, tokens and what is said in visits cross this address without TLS: let nothing but a proxy that ends TLS reach it",
			"key", key, "address", addr)
	}
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

func (a *app) listenGRPC(auth review.Authenticator, devices deviceAuth, tlsConfig *tls.Config) error {
	l, err := net.Listen("tcp", a.config.Listen.GRPC)
	if err != nil {
		return fmt.Errorf("listen.grpc: %w", err)
	}
	rpc := reviewrpc.Config{Service: a.service, Auth: auth, Log: a.log}
	options := append(ingest.ServerOptions(), reviewrpc.ServerOptions(rpc)...)
	if tlsConfig != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(tlsConfig)))
	}
	server := grpc.NewServer(options...)
	in := ingest.New(a.service, a.log, ingest.Options{DeviceAuth: devices})
	countersignpb.RegisterTranscriptIngestServer(server, in)
	reviewrpc.Register(server, rpc)
	a.GRPCAddr = l.Addr().String()
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			a.log.Error("grpc server", "error", err)
		}
	}()
	a.onClose(func(ctx context.Context) error {
		in.Drain()
		done := make(chan struct{})
		go func() { server.GracefulStop(); close(done) }()
		select {
		case <-done:
		case <-ctx.Done():
			server.Stop()
		}
		return nil
	})
	return nil
}

func (a *app) listenHTTP(ctx context.Context, auth review.Authenticator, tlsConfig *tls.Config, o appOptions) error {
	page, err := web.New(a.service, auth, a.log, web.Options{Hint: o.hint, SecureCookie: a.config.Listen.SecureCookie})
	if err != nil {
		return err
	}
	api, err := reviewrpc.NewGateway(ctx, reviewrpc.Config{Service: a.service, Auth: auth, Log: a.log})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("/", page)
	l, err := net.Listen("tcp", a.config.Listen.HTTP)
	if err != nil {
		return fmt.Errorf("listen.http: %w", err)
	}
	a.HTTPAddr = l.Addr().String()
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("http server", "error", err)
		}
	}()
	a.onClose(server.Shutdown)
	return nil
}

// ready says whether the gateway can take work: the journal answers, and this
// process is alive in it.
func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	if _, err := a.service.Owed(r.Context(), 1); err != nil {
		http.Error(w, "the journal does not answer", http.StatusServiceUnavailable)
		return
	}
	if a.service.LeaseRemaining() == 0 {
		http.Error(w, "the lease has run out", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
