//go:build !unix

package mllp

import "net"

// pollByte looks for a byte that has arrived; see the Unix version.
func pollByte(conn net.Conn) (c byte, got bool, err error) { return pollDeadline(conn) }
