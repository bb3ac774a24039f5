package embeddednats

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats-server/v2/server"
)

// serverLog hands the server's messages to slog. Notices are the start-up
// banner and routine changes: Debug here. Nothing the server logs holds more
// than subjects and ids, because messages hold nothing else.
type serverLog struct{ log *slog.Logger }

var _ server.Logger = serverLog{}

func (l serverLog) Noticef(format string, v ...any) { l.printf(slog.LevelDebug, format, v) }
func (l serverLog) Warnf(format string, v ...any)   { l.printf(slog.LevelWarn, format, v) }
func (l serverLog) Errorf(format string, v ...any)  { l.printf(slog.LevelError, format, v) }

// Fatalf only logs: nats-server reports a failed start here and goes on to
// stop itself, and the process must survive that.
func (l serverLog) Fatalf(format string, v ...any) { l.printf(slog.LevelError, format, v) }

func (l serverLog) Debugf(string, ...any) {}
func (l serverLog) Tracef(string, ...any) {}

func (l serverLog) printf(level slog.Level, format string, v []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "nats-server: "+fmt.Sprintf(format, v...))
	}
}
