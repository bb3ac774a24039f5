package ehrsim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// MLLP release 1 block characters.
const (
	verticalTab   = 0x0b
	fileSeparator = 0x1c
)

var (
	errFrameTooLarge = errors.New("read frame: larger than this receiver accepts")
	errFrameNested   = errors.New("read frame: start block inside a frame")
)

// readFrame returns the payload of the frame whose start block is next in r. Bytes before the start block are skipped, and the carriage
// return after the end block may be missing if the connection ends there.
func readFrame(r *bufio.Reader, limit int) ([]byte, error) {
	for skipped := 0; ; skipped++ {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == verticalTab {
			break
		}
		if skipped > limit {
			return nil, errFrameTooLarge
		}
	}
	var payload []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("read frame: %w", err)
		}
		switch {
		case b == fileSeparator:
			return payload, readTrailer(r)
		case b == verticalTab:
			return nil, errFrameNested
		case len(payload) == limit:
			return nil, errFrameTooLarge
		}
		payload = append(payload, b)
	}
}

func readTrailer(r *bufio.Reader) error {
	b, err := r.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("read frame: %w", err)
	case b != '\r':
		return r.UnreadByte()
	}
	return nil
}

func frame(payload []byte) []byte {
	out := append(make([]byte, 0, len(payload)+3), verticalTab)
	out = append(out, payload...)
	return append(out, fileSeparator, '\r')
}
