package mllp

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writeCounter counts writes.
type writeCounter struct {
	bytes.Buffer
	writes int
}

func (w *writeCounter) Write(b []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(b)
}

func TestWriteFrame(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, msg, want string
		err             error
	}{
		{name: "OK", msg: "MSH|x\rPID|1\r", want: "\x0bMSH|x\rPID|1\r\x1c\r"},
		{name: "ErrForbiddenByte: empty", err: ErrForbiddenByte},
		{name: "ErrForbiddenByte: start inside", msg: "MSH\x0b", err: ErrForbiddenByte},
		{name: "ErrForbiddenByte: end inside", msg: "MSH\x1c\rMSA|AA", err: ErrForbiddenByte},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var w writeCounter
			err := WriteFrame(&w, []byte(tc.msg))
			if !errors.Is(err, tc.err) || w.String() != tc.want {
				t.Fatalf("got %q, %v; want %q, %v", w.String(), err, tc.want, tc.err)
			}
			if want := min(len(tc.want), 1); w.writes != want {
				t.Errorf("%d writes, want %d", w.writes, want)
			}
		})
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*readBuffer+7)
	for _, tc := range []struct {
		name, stream string
		max          int
		want         []string
		err          error
	}{
		{name: "OK: one frame", stream: "\x0bA|1\r\x1c\r", want: []string{"A|1\r"}, err: io.EOF},
		{name: "OK: two frames in one packet", stream: "\x0bA\x1c\r\x0bB\x1c\r", want: []string{"A", "B"}, err: io.EOF},
		{name: "OK: bytes before the start skipped", stream: "\r\njunk\x0bA\x1c\r", want: []string{"A"}, err: io.EOF},
		{name: "OK: no last carriage return", stream: "\x0bA\x1c\x0bB\x1c", want: []string{"A", "B"}, err: io.EOF},
		{name: "OK: commit blocks are frames", stream: "\x0b\x06\x1c\r\x0b\x15\x1c\r", want: []string{"\x06", "\x15"}, err: io.EOF},
		{name: "OK: empty frame", stream: "\x0b\x1c\r", want: []string{""}, err: io.EOF},
		{name: "OK: longer than the buffer", stream: "\x0b" + long + "\x1c\r", want: []string{long}, err: io.EOF},
		{name: "OK: exactly the limit", stream: "\x0b12345\x1c\r", max: 5, want: []string{"12345"}, err: io.EOF},
		{name: "EOF: empty stream", err: io.EOF},
		{name: "ErrUnexpectedEOF: half a frame", stream: "\x0bMSH|^", err: io.ErrUnexpectedEOF},
		{name: "ErrUnexpectedEOF: start only", stream: "\x0b", err: io.ErrUnexpectedEOF},
		{name: "ErrHalfFrame: start inside a frame", stream: "\x0bMSA|AA|1\x0bMSA|AA|2\x1c\r", err: ErrHalfFrame},
		{name: "ErrFrameTooLarge: one over the limit", stream: "\x0b123456\x1c\r", max: 5, err: ErrFrameTooLarge},
		{name: "ErrFrameTooLarge: never ends", stream: "\x0b" + long, max: readBuffer, err: ErrFrameTooLarge},
		{name: "ErrFrameTooLarge: never starts", stream: long, max: readBuffer, err: ErrFrameTooLarge},
	} {
		for mode, wrap := range map[string]func(io.Reader) io.Reader{
			"whole":                  func(r io.Reader) io.Reader { return r },
			"byte by byte":           iotest.OneByteReader,
			"data and error at once": iotest.DataErrReader,
		} {
			t.Run(tc.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				r := NewReader(wrap(strings.NewReader(tc.stream)), tc.max)
				var got []string
				var err error
				for {
					var msg []byte
					if msg, err = r.Next(); err != nil {
						if msg != nil {
							t.Errorf("message with error %v", err)
						}
						break
					}
					got = append(got, string(msg))
				}
				if d := cmp.Diff(tc.want, got); d != "" {
					t.Errorf("messages (-want +got):\n%s", d)
				}
				if !errors.Is(err, tc.err) {
					t.Errorf("error %v, want %v", err, tc.err)
				}
			})
		}
	}
}

// endless is a frame that never ends.
type endless struct{ started bool }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	if !e.started {
		b[0], e.started = startBlock, true
	}
	return len(b), nil
}

func TestReaderAllocatesNoMoreThanTheLimit(t *testing.T) {
	const limit = 1 << 20
	var before, after runtime.MemStats
	r := NewReader(&endless{}, limit)
	runtime.ReadMemStats(&before)
	_, err := r.Next()
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrFrameTooLarge) {
		t.Fatalf("error %v, want ErrFrameTooLarge", err)
	}
	// Doubling up to the limit allocates less than twice the limit in all; only the last buffer is at the limit.
	if total := after.TotalAlloc - before.TotalAlloc; total > 2*limit+64<<10 {
		t.Errorf("%d bytes allocated for a limit of %d", total, limit)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x0bMSH|^~\\&|\r\x1c\r\x0bB\x1c"), 16)
	f.Add([]byte("\x0b\x0b\x1c"), 4)
	f.Add([]byte("junk\x0b"), 3)
	f.Fuzz(func(t *testing.T, stream []byte, limit int) {
		limit = 1 + (limit&0x7fffffff)%(64<<10)
		whole := NewReader(bytes.NewReader(stream), limit)
		slow := NewReader(iotest.OneByteReader(bytes.NewReader(stream)), limit)
		for {
			a, errA := whole.Next()
			b, errB := slow.Next()
			if !bytes.Equal(a, b) || (errA == nil) != (errB == nil) {
				t.Fatalf("packets matter: %q %v, byte by byte %q %v", a, errA, b, errB)
			}
			if errA != nil {
				if a != nil {
					t.Fatalf("message with error %v", errA)
				}
				return
			}
			if len(a) > limit || cap(a) > max(limit, readBuffer) {
				t.Fatalf("message of %d bytes in a buffer of %d, limit %d", len(a), cap(a), limit)
			}
			if bytes.ContainsAny(a, "\x0b\x1c") {
				t.Fatalf("frame bytes in message %q", a)
			}
		}
	})
}

func FuzzFrameRoundTrip(f *testing.F) {
	f.Add([]byte("MSH|^~\\&|\r"), []byte("noise"))
	f.Add([]byte{0x06}, []byte{})
	f.Fuzz(func(t *testing.T, msg, noise []byte) {
		frame, err := AppendFrame(nil, msg)
		if err != nil {
			if frame != nil {
				t.Fatal("frame with error")
			}
			return
		}
		noise = bytes.ReplaceAll(noise, []byte{startBlock}, nil)
		r := NewReader(bytes.NewReader(append(noise, frame...)), 0)
		got, err := r.Next()
		if err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("got %q, %v; want %q", got, err, msg)
		}
	})
}
