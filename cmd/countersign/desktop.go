package main

import (
	"os"
	"runtime"
)

// hasDesktop reports whether a browser can be shown.
func hasDesktop() bool {
	return runtime.GOOS == "darwin" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
