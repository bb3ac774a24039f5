// Package web is the review page: worklist, note beside transcript, flags,
// signature, and what became of each write-back.
//
// It is server-rendered and works without script. Templates and style sheet
// are embedded and parsed once, by New. A page is rendered into a buffer
// first, so that an error never follows half a page.
//
// # The way to a signature
//
// Worklist, note, document, signature: four clicks for a note that nothing is
// wrong with. After it the page offers the next note that waits for the same
// person. What is signed is the document of the sign page, word for word.
//
// # Security
//
// A session is a random token in a cookie (HttpOnly, SameSite=Strict, Secure
// over TLS), kept in memory: a restart signs everybody out. It ends after
// Options.Idle without a request and after Options.Absolute in any case. A page
// that loads itself again does not count as a request of the person's. Posts
// from another origin are refused (http.CrossOriginProtection). Pages are not
// cached, run no script and load nothing from elsewhere. URLs hold ids only,
// and so do page titles, which end up in a browser's history.
//
// # Stale pages
//
// Every form carries the content hash its page was rendered from. If the
// note has changed since, the service refuses, and the person is shown their
// own words beside the newest ones: nothing typed is lost and nothing is
// overwritten. The same page follows when a session has ended meanwhile.
//
// # Storybook
//
// `go test ./api/web -run Storybook -storybook DIR` writes every page in every
// state to DIR, from fixtures, for looking at.
package web

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"countersign/review"
)

//go:embed templates static
var files embed.FS

// Notes is what the page needs; *review.Service is it. It is called
// concurrently. Errors have a review.Kind; any other is internal.
type Notes interface {
	Worklist(ctx context.Context, a review.Actor, f review.NoteFilter) ([]review.WorkItem, error)
	OpenNote(ctx context.Context, a review.Actor, id review.NoteID) (review.NoteView, error)
	EditNote(ctx context.Context, a review.Actor, id review.NoteID, seen review.Digest, edits []review.Edit) (review.Revision, error)
	ConfirmFlag(ctx context.Context, a review.Actor, id review.NoteID, seen review.Digest, st review.StatementID, kind review.FlagKind, reason review.ClinicalText) (review.Revision, error)
	PreviewNote(ctx context.Context, a review.Actor, id review.NoteID) (review.Preview, error)
	SignNote(ctx context.Context, a review.Actor, id review.NoteID, seen review.Digest) (review.Note, error)
	ReturnNote(ctx context.Context, a review.Actor, id review.NoteID, reason string) error
	DiscardNote(ctx context.Context, a review.Actor, id review.NoteID, reason review.DiscardReason) error
	RedraftNote(ctx context.Context, a review.Actor, id review.NoteID) error
	Site(ctx context.Context, a review.Actor) (review.Site, error)
}

var _ Notes = (*review.Service)(nil)

// Options of the page; zero values are usable.
type Options struct {
	// Idle and Absolute bound a session; default 15 minutes and 12 hours.
	Idle, Absolute time.Duration
	// Timeout bounds one request; default 15 seconds.
	Timeout time.Duration
	// Hint is shown on the sign-in page; the demo names its login there.
	Hint string
	// SecureCookie marks the cookie Secure although this server speaks plain
	// HTTP: set it behind a proxy that ends TLS.
	SecureCookie bool
	// Clock defaults to the machine's.
	Clock review.Clock
}

// Server serves the page. It may be used concurrently.
type Server struct {
	notes    Notes
	auth     review.Authenticator
	log      *slog.Logger
	options  Options
	sessions *sessions
	pages    map[string]*template.Template
	style    []byte
	handler  http.Handler
}

// New parses the templates and returns the page's server.
func New(notes Notes, auth review.Authenticator, log *slog.Logger, o Options) (*Server, error) {
	setDuration(&o.Idle, 15*time.Minute)
	setDuration(&o.Absolute, 12*time.Hour)
	setDuration(&o.Timeout, 15*time.Second)
	if o.Clock == nil {
		o.Clock = review.SystemClock{}
	}
	s := &Server{notes: notes, auth: auth, log: log, options: o, sessions: newSessions(o), pages: map[string]*template.Template{}}
	for _, name := range []string{"signin", "worklist", "note", "typed", "sign", "problem"} {
		t, err := template.New("layout.html").Funcs(functions()).
			ParseFS(files, "templates/layout.html", "templates/banner.html", "templates/"+name+".html")
		if err != nil {
			return nil, err
		}
		s.pages[name] = t
	}
	var err error
	if s.style, err = files.ReadFile("static/style.css"); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	return s, nil
}

func setDuration(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/style.css", s.getStyle)
	mux.HandleFunc("GET /signin", s.page(s.getSignIn))
	mux.HandleFunc("POST /signin", s.page(s.postSignIn))
	mux.HandleFunc("POST /signout", s.page(s.postSignOut))
	mux.HandleFunc("GET /{$}", s.signedIn(s.getWorklist))
	mux.HandleFunc("GET /notes/{id}", s.signedIn(s.getNote))
	mux.HandleFunc("POST /notes/{id}/edit", s.signedIn(s.postEdit))
	mux.HandleFunc("POST /notes/{id}/confirm", s.signedIn(s.postConfirm))
	mux.HandleFunc("GET /notes/{id}/sign", s.signedIn(s.getSign))
	mux.HandleFunc("POST /notes/{id}/sign", s.signedIn(s.postSign))
	mux.HandleFunc("POST /notes/{id}/return", s.signedIn(s.postReturn))
	mux.HandleFunc("POST /notes/{id}/discard", s.signedIn(s.postDiscard))
	mux.HandleFunc("POST /notes/{id}/redraft", s.signedIn(s.postRedraft))
	mux.HandleFunc("/", s.signedIn(func(http.ResponseWriter, *http.Request, review.Actor) error { return errNoNote() }))
	return headers(http.NewCrossOriginProtection().Handler(mux))
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// headers keeps pages out of caches, frames and other origins' reach. Frames
// are allowed where a SMART launch needs them, which is api/smart's to say.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// getStyle serves the one static file. It holds nothing of anybody's.
func (s *Server) getStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+review.DigestOf(s.style).String()+`"`)
	http.ServeContent(w, r, "style.css", time.Time{}, bytes.NewReader(s.style))
}

// handler is a page's handler: what it returns is shown as a problem page.
type handler func(w http.ResponseWriter, r *http.Request) error

func (s *Server) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		r = r.WithContext(ctx)
		if err := h(w, r); err != nil {
			s.problem(w, r, err)
		}
	}
}

type actorHandler func(w http.ResponseWriter, r *http.Request, a review.Actor) error

func (s *Server) signedIn(h actorHandler) http.HandlerFunc {
	return s.page(func(w http.ResponseWriter, r *http.Request) error {
		a, ok := s.sessions.find(r)
		if !ok {
			return s.askSignIn(w, r)
		}
		return h(w, r, a)
	})
}

// render writes a page. data is what the page's template is given.
func (s *Server) render(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.Map(visible, b.Bytes())) // the reader has gone away: nothing to do
	return nil
}

// frame is what the layout needs of every page. Title is never PHI.
type frame struct {
	Title    string
	SignedIn bool
	Who      review.PractitionerID
	Site     string
	// Refresh is how many seconds until the page loads RefreshURL; 0 never.
	Refresh    int
	RefreshURL string
}

// frameFor makes the frame of a signed-in person's page.
func frameFor(title string, a review.Actor, site review.Site) frame {
	return frame{Title: title, SignedIn: true, Who: a.PractitionerID, Site: site.Name}
}
