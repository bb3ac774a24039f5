package embeddednats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectOptions are for an external server. The zero value connects without
// TLS and without credentials.
type ConnectOptions struct {
	// Name identifies the connection in the server's lists; default "countersign".
	Name string
	// CredentialsFile is a NATS .creds file (user JWT and seed).
	CredentialsFile string
	// CAFile holds the certificates to trust instead of the system's.
	CAFile string
	// CertFile and KeyFile are the client certificate; both or neither.
	CertFile, KeyFile string
	// Logger receives disconnects and reconnects; nil discards them.
	Logger *slog.Logger
}

// Connect dials rawURL, one or more addresses "nats://host:4222" or
// "tls://host:4222" with commas between, and tries until it succeeds or ctx
// ends. The URL must not hold a password: use a credentials file. Errors name
// hosts, never credentials. The caller closes the connection.
func Connect(ctx context.Context, rawURL string, opts ConnectOptions) (*nats.Conn, error) {
	hosts, err := checkURLs(rawURL)
	if err != nil {
		return nil, err
	}
	if (opts.CertFile == "") != (opts.KeyFile == "") {
		return nil, errors.New("connect to nats: certificate and key go together: name both files or neither")
	}
	log := cmp.Or(opts.Logger, slog.New(slog.DiscardHandler))
	no := append(connOptions(cmp.Or(opts.Name, "countersign"), log),
		nats.ReconnectWait(250*time.Millisecond), nats.ReconnectJitter(250*time.Millisecond, 500*time.Millisecond))
	if opts.CredentialsFile != "" {
		no = append(no, nats.UserCredentials(opts.CredentialsFile))
	}
	if opts.CAFile != "" {
		no = append(no, nats.RootCAs(opts.CAFile))
	}
	if opts.CertFile != "" {
		no = append(no, nats.ClientCert(opts.CertFile, opts.KeyFile))
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		nc, err := nats.Connect(rawURL, no...)
		if err == nil {
			return nc, nil
		}
		log.Warn("nats: connect did not succeed, trying again", "hosts", hosts, "error", err)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to nats at %s: %w: is the server up and reachable?", hosts, err)
		case <-time.After(wait):
		}
	}
}

// checkURLs returns the hosts of a list of URLs, for messages.
func checkURLs(rawURL string) (string, error) {
	var hosts []string
	for part := range strings.SplitSeq(rawURL, ",") {
		u, err := url.Parse(strings.TrimSpace(part))
		// The parse error repeats the input, which may hold a password.
		if err != nil || u.Host == "" {
			return "", errors.New("connect to nats: url: not an address such as nats://host:4222")
		}
		if u.Scheme != "nats" && u.Scheme != "tls" {
			return "", fmt.Errorf("connect to nats: url: scheme %q: use nats or tls", u.Scheme)
		}
		if _, ok := u.User.Password(); ok {
			return "", errors.New("connect to nats: url: holds a password: use a credentials file")
		}
		hosts = append(hosts, u.Host)
	}
	return strings.Join(hosts, ","), nil
}

// connOptions are common to both kinds of connection.
func connOptions(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.PingInterval(10 * time.Second),
		// No buffer: a publish while disconnected fails at once instead of
		// holding up the request that has just committed.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats: disconnected", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("nats: reconnected", "connection", name) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("nats: asynchronous error", "connection", name, "error", err)
		}),
	}
}
