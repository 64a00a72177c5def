// Package disk is a directory that can lose its power and that can be full.
//
// A Disk is mounted through FUSE and served by the process that made it, so it
// outlives the process that uses it. What a process writes is seen at once by
// everybody, as always; what a power cut leaves is another matter, and follows
// ext4 with its defaults (data=ordered, delayed allocation, auto_da_alloc):
//
//   - Names and sizes (create, rename, unlink, link, mkdir, truncate, chmod) go
//     into a journal in their order. An fsync of a file or directory that has
//     changed since the last commit commits the whole journal, other files'
//     names included. Config.Commit also commits it by the clock, as ext4 does
//     every five seconds; without it nothing but an fsync does.
//   - A file's data is kept by an fsync of that file (or by writing with O_SYNC).
//     A commit alone leaves a file that was never synced with its name and
//     without its data: empty, or as long and as old as it was.
//   - A file that is renamed over another, or closed after it was emptied by a
//     truncate, has its data written with the next commit, although nobody
//     synced it. This rescues the usual "write a copy, rename it".
//   - The kernel writes dirty data after half a minute without being asked. That
//     is left out: what is not synced stays unsynced for as long as it takes.
//   - Unsynced data is gone altogether. A real disk may keep some of it, in any
//     order; Restore an older copy or flip a bit to see a store that is torn.
//
// The process that serves a disk should not use it itself, but read Live and
// change Image: one that is killed while it has a file open there waits in the
// kernel for its own answer, and never ends.
package disk
