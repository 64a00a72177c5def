//go:build !linux

package postgres_test

import (
	"testing"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

func tinyFileSystem(*testing.T, *postgres.DB) string { return "" }
