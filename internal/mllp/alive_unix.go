//go:build unix

package mllp

import (
	"net"
	"syscall"
)

// pollByte looks without blocking for a byte that has arrived. It returns the byte and true, false for nothing there,
// or an error where the connection is closed or broken.
func pollByte(conn net.Conn) (c byte, got bool, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return pollDeadline(conn)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var b [1]byte
	var n int
	var readErr error
	err = rc.Read(func(fd uintptr) bool {
		for n, readErr = syscall.Read(int(fd), b[:]); readErr == syscall.EINTR; {
			n, readErr = syscall.Read(int(fd), b[:])
		}
		return true // do not wait: sockets of package net are non-blocking
	})
	switch {
	case err != nil:
		return 0, false, err
	case n == 1:
		return b[0], true, nil
	case n == 0 && readErr == nil:
		return 0, false, net.ErrClosed
	case readErr == syscall.EAGAIN || readErr == syscall.EWOULDBLOCK:
		return 0, false, nil
	default:
		return 0, false, readErr
	}
}
