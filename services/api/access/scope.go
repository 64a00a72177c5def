package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scope is a part of the API that a caller may use.
type Scope string

// The scopes. None contains another one, but Admin, which contains all: who may
// start a run is not shown what it brought, unless he may read too.
const (
	// Read: what is stored and what is going on.
	Read Scope = "read"
	// Sync: start what reads an exchange.
	Sync Scope = "sync"
	// Operate: change what goes on, such as stopping, pausing and repeating.
	Operate Scope = "operate"
	// Admin: accounts and their keys, tokens, the audit log, and all the rest.
	Admin Scope = "admin"
)

// Scopes lists them all.
func Scopes() []Scope { return []Scope{Read, Sync, Operate, Admin} }

// ParseScopes reads scopes and puts them in order.
func ParseScopes(words []string) ([]Scope, error) {
	given := map[Scope]bool{}
	for _, word := range words {
		if !slices.Contains(Scopes(), Scope(word)) {
			return nil, fmt.Errorf("there is no scope %.40q: use some of %s", word, JoinScopes(Scopes()))
		}
		given[Scope(word)] = true
	}
	if len(given) == 0 {
		return nil, errors.New("a token needs a scope: some of " + JoinScopes(Scopes()))
	}
	return slices.DeleteFunc(Scopes(), func(s Scope) bool { return !given[s] }), nil
}

// JoinScopes writes them with commas.
func JoinScopes(scopes []Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// Allows reports whether scopes suffice for a call that needs one.
func Allows(have []Scope, need Scope) bool {
	return slices.Contains(have, need) || slices.Contains(have, Admin)
}
