package ehrsim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"
	"golang.org/x/sync/errgroup"
)

// Simulator is a running simulator EHR. Its methods are safe for concurrent use.
type Simulator struct {
	opt     Options
	journal *journal
	faults  *faultPlan
	late    lateWrites
	tokens  *tokenStore
	checker *jsonformat.Unmarshaller

	httpListener, epicListener, mllpListener net.Listener
	servers                                  []*http.Server
	mllp                                     *mllpServer
	receiving                                sync.Mutex // see receive
	running                                  errgroup.Group

	stopping chan struct{} // closed by the first Shutdown; releases silent answers
	stopOnce sync.Once
	unhook   func() bool
}

// Start listens and serves until Shutdown is called or ctx ends; the end of ctx closes connections at once. It fails when an address is not
// on loopback (ErrNotLoopback) or taken, or when a fault is malformed.
func Start(ctx context.Context, opt Options) (*Simulator, error) {
	opt = opt.withDefaults()
	s := &Simulator{opt: opt, journal: newJournal(), faults: &faultPlan{}, tokens: newTokenStore(), stopping: make(chan struct{})}
	if err := s.faults.add(opt.Faults...); err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	checker, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	s.checker = checker
	if err := s.listenAll(); err != nil {
		s.closeListeners()
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	s.serveAll()
	s.unhook = context.AfterFunc(ctx, s.abort)
	return s, nil
}

func (s *Simulator) listenAll() (err error) {
	if s.httpListener, err = listen(s.opt.HTTPAddr); err != nil {
		return err
	}
	s.epicListener = s.httpListener
	if s.opt.EpicAddr != "" {
		if s.epicListener, err = listen(s.opt.EpicAddr); err != nil {
			return err
		}
	}
	s.mllpListener, err = listen(s.opt.MLLPAddr)
	return err
}

func (s *Simulator) closeListeners() {
	for _, l := range []net.Listener{s.httpListener, s.epicListener, s.mllpListener} {
		if l != nil {
			_ = l.Close() // a second close of the shared listener is harmless
		}
	}
}

func (s *Simulator) serveAll() {
	mux := http.NewServeMux()
	s.routeFHIR(mux)
	s.routeAdmin(mux)
	s.routePage(mux)
	if s.epicListener == s.httpListener {
		s.routeEpic(mux)
	} else {
		epic := http.NewServeMux()
		s.routeEpic(epic)
		s.serveHTTP(s.epicListener, epic)
	}
	s.serveHTTP(s.httpListener, mux)
	s.mllp = newMLLPServer(s, s.mllpListener)
	s.running.Go(s.mllp.serve)
}

func (s *Simulator) serveHTTP(l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.opt.Logger.Handler(), slog.LevelWarn)}
	s.servers = append(s.servers, srv)
	s.running.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

// FHIRBase is the base URL of the FHIR door, without a trailing slash.
func (s *Simulator) FHIRBase() string { return "http://" + s.httpListener.Addr().String() + fhirPrefix }

// EpicBase is the base URL of the Epic door, without a trailing slash.
func (s *Simulator) EpicBase() string { return "http://" + s.epicListener.Addr().String() + epicPrefix }

// EpicTokenURL is the OAuth 2.0 token endpoint of the Epic door and the audience of client assertions.
func (s *Simulator) EpicTokenURL() string {
	return "http://" + s.epicListener.Addr().String() + epicTokenPath
}

// MLLPAddr is HOST:PORT of the MLLP door.
func (s *Simulator) MLLPAddr() string { return s.mllpListener.Addr().String() }

// AdminBase is the base URL of the admin API, without a trailing slash.
func (s *Simulator) AdminBase() string { return "http://" + s.httpListener.Addr().String() + "/admin" }

// PageURL is the page that shows what was received.
func (s *Simulator) PageURL() string { return "http://" + s.httpListener.Addr().String() + "/" }

// Seed makes patients and their encounters known, replacing those with the same ids.
func (s *Simulator) Seed(p Patient, encounters ...Encounter) error {
	return s.seed([]Patient{p}, encounters)
}

func (s *Simulator) seed(patients []Patient, encounters []Encounter) error {
	for _, p := range patients {
		if err := p.check(); err != nil {
			return err
		}
	}
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	known := map[string]bool{}
	for _, p := range append(s.journal.registry.patients, patients...) {
		known[p.ID] = true
	}
	for i, e := range encounters {
		if e.PatientID == "" && len(patients) == 1 {
			encounters[i].PatientID = patients[0].ID
		} else if !known[e.PatientID] {
			return errors.New("seed encounter: patient_id names no known patient")
		}
		if err := e.check(); err != nil {
			return err
		}
	}
	s.journal.registry.add(patients, encounters)
	return nil
}

// SetFault replaces all planned faults of f's door with f.
func (s *Simulator) SetFault(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	s.faults.clear(f.Endpoint)
	return s.faults.add(f)
}

// AddFault plans f after the faults of its door that are still to come.
func (s *Simulator) AddFault(f Fault) error { return s.faults.add(f) }

// ClearFaults takes back all planned faults of a door.
func (s *Simulator) ClearFaults(e Endpoint) { s.faults.clear(e) }

// Reset forgets documents, also those still to be filed, answers, counters, tokens and faults. Patients stay.
func (s *Simulator) Reset() {
	s.late.drop(false)
	s.faults.clear("")
	s.tokens.forget()
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.forget()
	s.journal.touch()
}

// Shutdown stops listening, waits for requests in progress until ctx ends, then closes what is left. It returns ctx's error in that case.
// Calling it again is harmless.
func (s *Simulator) Shutdown(ctx context.Context) error {
	s.unhook()
	s.stopOnce.Do(func() { close(s.stopping) })
	var errs []error
	for _, srv := range s.servers {
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, err, srv.Close())
		}
	}
	s.mllp.close()
	s.late.drop(true)
	return errors.Join(append(errs, s.running.Wait())...)
}

// abort closes everything without waiting.
func (s *Simulator) abort() {
	s.stopOnce.Do(func() { close(s.stopping) })
	for _, srv := range s.servers {
		_ = srv.Close()
	}
	s.mllp.close()
	s.late.drop(true)
}
