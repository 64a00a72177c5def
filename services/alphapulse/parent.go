package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/alphapulse/alphapulse/services/alphapulse/child"
	"github.com/alphapulse/alphapulse/shared/daemon"
)

// errParentGone stops a child whose `alphapulse up` has ended.
var errParentGone = errors.New("the process that started this one has ended")

// parent watches the pipe that `alphapulse up` gives to its children: nothing is
// ever written to it, so it ends when the parent does, however that happens. It
// is nil for a process that a person started. On Linux the kernel ends children
// as well; elsewhere this is what leaves none behind.
func (p *process) parent() *daemon.Component {
	if value, ok := p.env.Lookup(child.ParentVariable); !ok || value != child.ParentPipe {
		return nil
	}
	pipe := os.NewFile(child.ParentDescriptor, "parent")
	if pipe == nil {
		return nil
	}
	return watchParent(pipe)
}

func watchParent(pipe io.ReadCloser) *daemon.Component {
	return &daemon.Component{Name: "parent", Background: true, Run: func(_, work context.Context) error {
		gone := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, pipe) // any end of it is the end of the parent
			close(gone)
		}()
		select {
		case <-gone:
			return errParentGone
		case <-work.Done():
			_ = pipe.Close() // frees the reader
			return nil
		}
	}}
}
