package years

import (
	"testing"

	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) {
	defer fleettest.RemoveBinary()
	pgtest.Main(m)
}
