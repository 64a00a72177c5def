package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// errNoTerminal: there is nobody to ask.
var errNoTerminal = errors.New("standard input is not a terminal")

// askSecret reads a line that is not shown. Ctrl-C gives the terminal back as
// it was.
func (p *program) askSecret(ctx context.Context, question string) (vault.Secret, error) {
	file, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return vault.Secret{}, errNoTerminal
	}
	fd := int(file.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return vault.Secret{}, fmt.Errorf("reading the terminal's state: %w", err)
	}
	fmt.Fprint(p.stderr, question)
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		_ = term.Restore(fd, before) // the program ends
		fmt.Fprintln(p.stderr)
		return vault.Secret{}, context.Cause(ctx)
	case got := <-answered:
		fmt.Fprintln(p.stderr)
		defer clear(got.text)
		return vault.NewSecret(strings.TrimSpace(string(got.text))), got.err
	}
}

// confirm asks for a word and reports whether it was given.
func (p *program) confirm(question, word string) (bool, error) {
	if !isTerminal(p.stdin) {
		return false, errNoTerminal
	}
	fmt.Fprint(p.stderr, question)
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	return strings.TrimSpace(line) == word, err
}
