package mllp

import (
	"errors"
	"net"
	"os"
	"time"
)

// pollWait is how long a connection that cannot be asked without waiting is listened to.
const pollWait = time.Millisecond

// alive reports whether an idle connection can be used for another message: the peer has not closed it, and nothing
// lies in it that would be taken for the next reply. The carriage return that ends the last frame may still come in.
// Of a TLS connection only the TCP below is looked at; any bytes there (an alert, a late answer) make it unusable,
// which costs a new connection and risks nothing.
func (l *link) alive() bool {
	if !l.reader.clean() {
		return false
	}
	for range 4 {
		c, got, err := pollByte(l.raw)
		if err != nil {
			return false
		}
		if !got {
			return true
		}
		if l.conn != l.raw || c != '\r' && c != '\n' {
			return false
		}
	}
	return false
}

// pollDeadline is pollByte for connections without a file descriptor.
func pollDeadline(conn net.Conn) (c byte, got bool, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(pollWait)); err != nil {
		return 0, false, err
	}
	var b [1]byte
	n, err := conn.Read(b[:])
	if n == 1 {
		return b[0], true, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, false, conn.SetReadDeadline(time.Time{})
	}
	return 0, false, err
}
