package filedir

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"countersign/adapters"
)

func TestNotArrivedCodes(t *testing.T) {
	t.Parallel()
	for want, errno := range map[string]error{
		"disk_full": syscall.ENOSPC, "permission_denied": syscall.EROFS, "directory_missing": fs.ErrNotExist,
		"too_many_open_files": syscall.EMFILE, "io_error": syscall.EIO,
	} {
		err := notArrived(&os.PathError{Op: "open", Path: "/srv/notes of somebody", Err: errno})
		if got := adapters.CodeOf(err); got != want {
			t.Errorf("code of %v = %q, want %q", errno, got, want)
		}
		if strings.Contains(err.Error(), "somebody") {
			t.Errorf("the error holds the path: %v", err)
		}
	}
}
