package mllp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The bytes that make a frame (MLLP release 1) and the commit blocks of release 2.
const (
	startBlock     = 0x0b
	endBlock       = 0x1c
	carriageReturn = 0x0d
	commitACK      = 0x06
	commitNAK      = 0x15
)

// DefaultMaxFrame is the longest message in bytes where no other limit is set.
const DefaultMaxFrame = 10 << 20

// Errors of framing.
var (
	ErrForbiddenByte = errors.New("frame mllp message: it is empty or holds 0x0b or 0x1c, which only mark frames")
	ErrFrameTooLarge = errors.New("read mllp frame: longer than the limit")
	ErrHalfFrame     = errors.New("read mllp frame: a new frame starts inside an unfinished one")
)

// AppendFrame appends the frame for message b to dst. A message that is empty or holds 0x0B or 0x1C is refused with
// [ErrForbiddenByte] and a nil result.
func AppendFrame(dst, b []byte) ([]byte, error) {
	if len(b) == 0 || bytes.IndexByte(b, startBlock) >= 0 || bytes.IndexByte(b, endBlock) >= 0 {
		return nil, ErrForbiddenByte
	}
	dst = append(dst, startBlock)
	dst = append(dst, b...)
	return append(dst, endBlock, carriageReturn), nil
}

// WriteFrame writes message b as one frame with exactly one Write. It writes nothing where b cannot be framed.
func WriteFrame(w io.Writer, b []byte) error {
	frame, err := AppendFrame(make([]byte, 0, len(b)+3), b)
	if err != nil {
		return err
	}
	_, err = w.Write(frame)
	return err
}

// Reader reads frames from a stream. It is not safe for concurrent use.
type Reader struct {
	br  *bufio.Reader
	max int
}

// readBuffer is the size of the stream buffer and of the smallest frame buffer, in bytes.
const readBuffer = 4096

// NewReader returns a Reader that refuses messages longer than maxFrame bytes; 0 means [DefaultMaxFrame]. Its memory
// for one frame never exceeds maxFrame (or 4 KiB) and grows only with bytes that have arrived.
func NewReader(r io.Reader, maxFrame int) *Reader {
	if maxFrame <= 0 {
		maxFrame = DefaultMaxFrame
	}
	return &Reader{br: bufio.NewReaderSize(r, readBuffer), max: maxFrame}
}

// Next returns the next message without its frame. The caller owns it. It returns io.EOF where the stream ends
// between frames, io.ErrUnexpectedEOF where it ends inside one, [ErrFrameTooLarge] (also for that many bytes without
// any start), [ErrHalfFrame], or the error of the stream. After an error the stream has no known position: close it.
func (r *Reader) Next() ([]byte, error) {
	if err := r.skipToStart(); err != nil {
		return nil, err
	}
	return r.payload()
}

// skipToStart reads up to and including the start of a frame.
func (r *Reader) skipToStart() error {
	for skipped := 0; skipped <= r.max; skipped++ {
		c, err := r.br.ReadByte()
		if err != nil {
			return err
		}
		if c == startBlock {
			return nil
		}
	}
	return fmt.Errorf("%w: no start within %d bytes", ErrFrameTooLarge, r.max)
}

// payload reads the rest of a frame whose start was read. The carriage return after the end is not waited for: it is
// skipped with whatever comes before the next start.
func (r *Reader) payload() ([]byte, error) {
	var msg []byte
	for {
		chunk, err := r.arrived()
		if err != nil {
			return nil, err
		}
		end := bytes.IndexByte(chunk, endBlock)
		done := end >= 0
		if done {
			chunk = chunk[:end]
		}
		if bytes.IndexByte(chunk, startBlock) >= 0 {
			return nil, ErrHalfFrame
		}
		if len(msg)+len(chunk) > r.max {
			return nil, fmt.Errorf("%w of %d bytes", ErrFrameTooLarge, r.max)
		}
		msg = grow(msg, len(chunk), r.max)
		msg = append(msg, chunk...)
		if done {
			_, err = r.br.Discard(len(chunk) + 1)
			return msg, err
		}
		if _, err := r.br.Discard(len(chunk)); err != nil {
			return nil, err
		}
	}
}

// arrived waits for at least one byte of a frame and returns all that are buffered, without consuming them. It does
// not wait for a frame's end, so that a limit is noticed when it is passed.
func (r *Reader) arrived() ([]byte, error) {
	if _, err := r.br.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return r.br.Peek(r.br.Buffered())
}

// grow makes room for n more bytes by doubling, but never beyond limit. The last step goes to the limit itself.
func grow(b []byte, n, limit int) []byte {
	need := len(b) + n
	if need <= cap(b) {
		return b
	}
	size := max(need, 2*cap(b))
	if size > limit/2 && len(b) > 0 {
		size = limit
	}
	bigger := make([]byte, len(b), size)
	copy(bigger, b)
	return bigger
}

// clean reports whether nothing but the end of the last frame is buffered.
func (r *Reader) clean() bool {
	rest, err := r.br.Peek(r.br.Buffered())
	return err == nil && len(bytes.Trim(rest, "\r\n")) == 0
}

// Commit is a commit answer of MLLP release 2, which some receivers send before the HL7 answer.
type Commit int

// Commit answers.
const (
	NoCommit       Commit = iota
	CommitStored          // 0x06: the receiver says that it stored the block safely
	CommitRejected        // 0x15: the receiver says that it did not
)

// CommitOf returns what a message without frame says if it is a lone commit block, else NoCommit.
func CommitOf(msg []byte) Commit {
	switch {
	case len(msg) != 1:
		return NoCommit
	case msg[0] == commitACK:
		return CommitStored
	case msg[0] == commitNAK:
		return CommitRejected
	}
	return NoCommit
}
