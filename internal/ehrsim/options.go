package ehrsim

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ErrNotLoopback says that a listen address is reachable from other machines. The simulator holds documents without any access control, so
// it listens on 127.0.0.0/8 and ::1 only.
var ErrNotLoopback = errors.New("address is not a loopback address")

// Options configure a simulator. The zero value listens on free ports and knows nobody.
type Options struct {
	// HTTPAddr serves the FHIR door, the Epic door, the admin API and the page. Empty means 127.0.0.1:0. A missing host means 127.0.0.1.
	HTTPAddr string
	// EpicAddr moves the Epic door to a listener of its own. Empty leaves it on HTTPAddr.
	EpicAddr string
	// MLLPAddr takes MDM messages. Empty means 127.0.0.1:0.
	MLLPAddr string

	// Faults active from the start, in the order in which they are used up.
	Faults []Fault
	// AutoRegister creates an unknown patient or encounter on the first write that names it, if the identifier is well formed.
	AutoRegister bool

	// HL7Versions accepted in MSH-12. Empty means 2.5.1 only. Fields are read by their 2.5.1 definitions whatever the version.
	HL7Versions []string
	// HL7ProcessingIDs accepted in MSH-11. Empty means P, T and D.
	HL7ProcessingIDs []string
	// LegacyHL7 reads messages with a lenient, error-prone library instead of the strict reader (see mdm.ReadLegacy).
	LegacyHL7 bool
	// EnhancedACK answers with CA, CE or CR where MSH-15 asks for an accept acknowledgment. Application acknowledgments on a second
	// connection are not sent. Without it every message is answered in original mode.
	EnhancedACK bool
	// MaxMessage is the largest MLLP frame in bytes. 0 means 16 MiB.
	MaxMessage int
	// IdleTimeout closes an MLLP connection on which no frame begins. 0 means 5 minutes.
	IdleTimeout time.Duration
	// FrameTimeout is the time a frame that has begun may take to arrive. 0 means 60 seconds.
	FrameTimeout time.Duration

	// MaxAttachment is the largest decoded attachment in bytes; more is answered with 413. 0 means 8 MiB.
	MaxAttachment int

	// EpicNoteTypes are the type codes the Epic door takes, by coding system. Nil means DefaultEpicNoteTypes.
	EpicNoteTypes map[string][]string
	// EpicClients may fetch a token at /epic/oauth2/token, by client id. An assertion of any other client is refused.
	EpicClients map[string]jose.JSONWebKeySet
	// RequireToken makes every call to the Epic door except metadata and discovery need a bearer token.
	RequireToken bool

	// Logger receives one line per request: door, method, status, fault. Never a path, an identifier or content. Nil discards.
	Logger *slog.Logger
	// NowFunc is the clock of records and of token checks. Nil means time.Now.
	NowFunc func() time.Time
}

const (
	defaultMaxMessage    = 16 << 20
	defaultMaxAttachment = 8 << 20
	defaultIdle          = 5 * time.Minute
	defaultFrame         = time.Minute
)

func (o Options) withDefaults() Options {
	if o.HTTPAddr == "" {
		o.HTTPAddr = "127.0.0.1:0"
	}
	if o.MLLPAddr == "" {
		o.MLLPAddr = "127.0.0.1:0"
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = defaultMaxMessage
	}
	if o.MaxAttachment == 0 {
		o.MaxAttachment = defaultMaxAttachment
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = defaultIdle
	}
	if o.FrameTimeout == 0 {
		o.FrameTimeout = defaultFrame
	}
	if o.EpicNoteTypes == nil {
		o.EpicNoteTypes = DefaultEpicNoteTypes()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.NowFunc == nil {
		o.NowFunc = time.Now
	}
	return o
}

// listen opens a TCP listener on a loopback address.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen: address %q must have the form HOST:PORT: %w", addr, err)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	ip := net.ParseIP(host)
	if ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen on %q: %w: use 127.0.0.1 or ::1", addr, ErrNotLoopback)
	}
	return net.Listen("tcp", net.JoinHostPort(host, port))
}
