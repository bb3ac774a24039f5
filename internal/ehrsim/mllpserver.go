package ehrsim

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"countersign/internal/ehrsim/mdm"
)

// mllpServer accepts connections and answers frame by frame, in order, one frame at a time per connection.
type mllpServer struct {
	sim      *Simulator
	listener net.Listener
	handlers sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

func newMLLPServer(s *Simulator, l net.Listener) *mllpServer {
	return &mllpServer{sim: s, listener: l, open: map[net.Conn]struct{}{}}
}

// serve returns when the listener is closed and all connections are done.
func (m *mllpServer) serve() error {
	defer m.handlers.Wait()
	for {
		conn, err := m.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if !m.track(conn) {
			_ = conn.Close()
			return nil
		}
		m.handlers.Go(func() {
			defer m.untrack(conn)
			m.converse(conn)
		})
	}
}

func (m *mllpServer) track(c net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.open[c] = struct{}{}
	return true
}

func (m *mllpServer) untrack(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, c)
	_ = c.Close()
}

func (m *mllpServer) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	_ = m.listener.Close()
	for c := range m.open {
		_ = c.Close()
	}
}

// converse reads frames until the peer leaves, a deadline passes, framing breaks or a fault ends the connection.
func (m *mllpServer) converse(conn net.Conn) {
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		if conn.SetReadDeadline(time.Now().Add(m.sim.opt.IdleTimeout)) != nil {
			return
		}
		if _, err := r.Peek(1); err != nil {
			return
		}
		f, faulted := m.begin()
		if faulted && f.Kind == DropBefore {
			return
		}
		if conn.SetReadDeadline(time.Now().Add(m.sim.opt.FrameTimeout)) != nil {
			return
		}
		raw, err := readFrame(r, m.sim.opt.MaxMessage)
		if err != nil {
			return // there is nothing to answer to: the frame has no end
		}
		if faulted && f.Kind == Late {
			m.sim.late.add(f.delay(), func() { m.sim.receive(raw, Fault{}, false) })
			return
		}
		answer := m.sim.receive(raw, f, faulted)
		switch {
		case faulted && f.Kind == Drop:
			return
		case faulted && f.Kind == Silent, answer == nil:
			continue // this message stays without an answer; the peer may hang up or send another
		}
		if conn.SetWriteDeadline(time.Now().Add(m.sim.opt.FrameTimeout)) != nil {
			return
		}
		if _, err := conn.Write(frame(answer)); err != nil {
			return
		}
	}
}

func (m *mllpServer) begin() (Fault, bool) {
	f, faulted := m.sim.faults.take(MLLP, Write)
	m.sim.journal.count(MLLP, func(c *Counters) {
		c.Writes++
		if faulted {
			c.Faulted++
		}
	})
	return f, faulted
}

// receive turns one message into its answer, filing it on the way. A nil answer means that the sender asked for none.
// One message is received at a time: a repetition that overtakes its original must find the original's answer.
func (s *Simulator) receive(raw []byte, f Fault, faulted bool) []byte {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	h, problem := mdm.ReadHeader(raw)
	if problem == nil && faulted {
		problem = faultProblem(f)
	}
	var doc *ReceivedDocument
	if problem == nil {
		if answer, replayed := s.replay(h, raw); replayed {
			return answer
		}
		doc, problem = s.readAndFile(raw)
	}
	code := mdm.ApplicationAccept
	if problem != nil {
		code = problem.Ack
	}
	s.opt.Logger.LogAttrs(context.Background(), slog.LevelInfo, "answered", slog.String("endpoint", string(MLLP)), slog.String("code", string(code)))
	answer := s.answer(h, code, problem)
	if problem == nil {
		s.remember(h, mllpAnswer{raw: raw, answer: answer, doc: doc})
	} else if !faulted {
		s.journal.count(MLLP, func(c *Counters) { c.Refused++ })
	}
	return answer
}

func faultProblem(f Fault) *mdm.Problem {
	switch f.Kind {
	case Refuse:
		return &mdm.Problem{Ack: mdm.ApplicationError, Code: mdm.CodeApplication, Text: "the server refuses this document"}
	case Busy:
		code := f.Code
		if code == 0 {
			code = mdm.CodeApplication
		}
		return &mdm.Problem{Ack: mdm.ApplicationReject, Code: code, Text: "the server is busy, send the same message again later"}
	}
	return nil
}

func (s *Simulator) answer(h mdm.Header, code mdm.AckCode, p *mdm.Problem) []byte {
	if s.opt.EnhancedACK && h.AcceptAck != "" {
		commit, wanted := h.Enhanced(code)
		if !wanted {
			return nil
		}
		code = commit
	}
	return h.Answer(code, p, newID()[:20], s.opt.NowFunc())
}

// replay answers a repeated control id of the same sender with the answer given before.
func (s *Simulator) replay(h mdm.Header, raw []byte) ([]byte, bool) {
	j := s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	given, ok := j.answers[h.Key()]
	if !ok || h.ControlID == "" {
		return nil, false
	}
	given.doc.Replays++
	if string(given.raw) != string(raw) {
		given.doc.AlteredReplays++
	}
	j.counters[MLLP].Replayed++
	j.touch()
	return given.answer, true
}
