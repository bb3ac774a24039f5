// Package filedir writes signed notes into a directory: the destination of a
// fresh installation, and of integration engines that poll a folder.
//
// A document is two files:
//
//	<document number>-r<revision>.json  who and what the note is about
//	<document number>-r<revision>.txt   the rendering, byte for byte
//
// The text appears last and under its name only when it is whole and on disk,
// so a reader takes every .txt it sees. Names hold no PHI; contents do, and
// the files are 0600. Make the directory with [Prepare] (0700) or by hand with
// the rights that its reader needs; it is never made by a write, since a
// volume that is not mounted would then be filled in its mount point.
//
// A file is never replaced. The same document again is a success, which makes
// the destination safe for repeats (declare it repeat_safe); other content
// under the same name is refused for good, as exists_with_other_content.
//
// Local disks answer at once or not at all: a context is looked at before the
// first write, not during one.
package filedir
