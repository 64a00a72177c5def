package access_test

import (
	"testing"

	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
