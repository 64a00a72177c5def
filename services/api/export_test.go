package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
)

// exported is a whole export, or why there is none.
func exported(ctx context.Context, c client, request *controlv1.ExportRequest) (file []byte, rows int64, err error) {
	stream, err := c.Export(ctx, request)
	if err != nil {
		return nil, 0, err
	}
	defer stream.Close()
	for stream.Receive() {
		file = append(file, stream.Msg().GetData()...)
		if stream.Msg().GetDone() {
			return file, stream.Msg().GetRows(), nil
		}
	}
	if stream.Err() != nil {
		return nil, 0, stream.Err()
	}
	return nil, 0, errors.New("not done")
}

func TestATableIsExportedDigitForDigit(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	account := s.Add(t, "main")
	other := s.Add(t, "other")
	at := time.Date(2026, 1, 5, 12, 30, 0, 123456000, time.UTC)
	const insert = `
INSERT INTO alphapulse.fills (account_id, category, exec_id, order_id, symbol, price, fee, is_maker, executed_at, scope, run_id, as_of, observed_at)
VALUES ($1, 'linear', $2, $3, 'BTC"USDT', $4::text::numeric, NULL, true, $5, 'linear', gen_random_uuid(), $5, $5)`
	s.Exec(t, insert, account.ID, "e1", "", huge, at)
	s.Exec(t, insert, account.ID, "e2", nil, tiny, at.Add(time.Hour))
	s.Exec(t, insert, other.ID, "e3", nil, tiny, at)

	file, rows, err := exported(t.Context(), c, &controlv1.ExportRequest{Table: "fills", Account: "main", Format: "csv"})
	require.NoError(t, err)
	require.EqualValues(t, 2, rows)
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	require.Len(t, lines, 3)
	require.True(t, strings.HasPrefix(lines[0], "account_id,category,exec_id,order_id,"), lines[0])
	require.Contains(t, lines[1], `linear,e1,"",,"BTC""USDT"`, "an empty text is not NULL")
	require.Contains(t, lines[1], huge)
	require.Contains(t, lines[1], "2026-01-05 12:30:00.123456+00")
	require.Contains(t, lines[2], tiny)

	file, rows, err = exported(t.Context(), c, &controlv1.ExportRequest{
		Table: "fills", Format: "parquet", Since: timestamppb.New(at), Until: timestamppb.New(at.Add(time.Hour)),
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, rows)
	type fill struct {
		ExecID     string     `parquet:"exec_id"`
		OrderID    *string    `parquet:"order_id,optional"`
		Price      *string    `parquet:"price,optional"`
		Fee        *string    `parquet:"fee,optional"`
		IsMaker    *bool      `parquet:"is_maker,optional"`
		ExecutedAt *time.Time `parquet:"executed_at,optional,timestamp(microsecond)"`
	}
	read, err := parquet.Read[fill](bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	require.Len(t, read, 2)
	byID := map[string]fill{read[0].ExecID: read[0], read[1].ExecID: read[1]}
	require.Equal(t, huge, *byID["e1"].Price)
	require.Empty(t, *byID["e1"].OrderID, "an empty text is there")
	require.Nil(t, byID["e3"].OrderID)
	require.Nil(t, byID["e1"].Fee)
	require.True(t, *byID["e1"].IsMaker)
	require.True(t, at.Equal(*byID["e1"].ExecutedAt))

	none, rows, err := exported(t.Context(), c, &controlv1.ExportRequest{Table: "positions", Format: "parquet"})
	require.NoError(t, err)
	require.Zero(t, rows)
	empty, err := parquet.OpenFile(bytes.NewReader(none), int64(len(none)))
	require.NoError(t, err)
	require.Zero(t, empty.NumRows())
}

// Every table that is offered can be had in every format.
func TestEveryTableCanBeExported(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	res, err := c.ListTables(t.Context(), &controlv1.ListTablesRequest{})
	require.NoError(t, err)
	var names []string
	for _, table := range res.GetTables() {
		names = append(names, table.GetName())
		for _, format := range []string{"csv", "parquet"} {
			request := &controlv1.ExportRequest{Table: table.GetName(), Format: format}
			if table.GetByAccount() {
				request.Account = "main"
			}
			if table.GetTimeColumn() != "" {
				request.Since = timestamppb.New(time.Now().Add(-time.Hour))
			}
			_, _, err := exported(t.Context(), c, request)
			require.NoError(t, err, table.GetName())
		}
	}
	require.Subset(t, names, []string{"balances", "orders_history", "sync_runs", "sync_jobs", "portfolio", "account_freshness"})
	for _, secret := range []string{"account_credentials", "api_tokens", "idempotency_keys", "address_budgets"} {
		require.NotContains(t, names, secret)
		_, _, err := exported(t.Context(), c, &controlv1.ExportRequest{Table: secret, Format: "csv"})
		requireProblem(t, err, connect.CodeNotFound, "table_not_found")
	}
}

func TestExportRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	s.Add(t, "main")
	for reason, request := range map[string]*controlv1.ExportRequest{
		"format":  {Table: "fills", Format: "xls"},
		"account": {Table: "prices", Format: "csv", Account: "main"},
		"time":    {Table: "schedules", Format: "csv", Since: timestamppb.Now()},
	} {
		_, _, err := exported(t.Context(), c, request)
		requireProblem(t, err, connect.CodeInvalidArgument, reason)
	}
	_, _, err := exported(t.Context(), c, &controlv1.ExportRequest{Table: "fills", Account: "nobody", Format: "csv"})
	requireProblem(t, err, connect.CodeNotFound, "account_not_found")
	_, _, err = exported(t.Context(), c, &controlv1.ExportRequest{Table: `fills"; DROP TABLE alphapulse.fills; --`, Format: "csv"})
	requireProblem(t, err, connect.CodeNotFound, "table_not_found")
}

// fill stores 40,000 fills, which are twenty megabytes of CSV.
func fill(t *testing.T, s *apitest.Server) {
	t.Helper()
	account := s.Add(t, "main")
	s.Exec(t, `
INSERT INTO alphapulse.fills (account_id, category, exec_id, symbol, price, executed_at, scope, run_id, as_of, observed_at)
SELECT $1, 'linear', 'e' || i, repeat('X', 500), 1, clock_timestamp(), 'linear', gen_random_uuid(), clock_timestamp(), clock_timestamp()
FROM generate_series(1, 40000) i`, account.ID)
}

// A reader who goes away, and one who reads slowly, give their connection back.
func TestAnExportThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newClient(s.URL)
	fill(t, s)
	request := &controlv1.ExportRequest{Table: "fills", Format: "csv"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 4 {
		stream, err := c.Export(ctx, request)
		require.NoError(t, err)
		require.True(t, stream.Receive())
	}
	_, _, err := exported(t.Context(), c, request)
	requireProblem(t, err, connect.CodeResourceExhausted, "exports")
	cancel()
	require.Eventually(t, func() bool {
		_, rows, err := exported(t.Context(), c, request)
		return err == nil && rows == 40000
	}, 30*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return s.DB.Stats().InUseConns == 0 }, 10*time.Second, 10*time.Millisecond)
}

// A reader who stalls loses the export, though its connection lives on.
func TestAReaderWhoStallsHoldsNoTransaction(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.SendTimeout = time.Second })
	c := newClient(s.URL)
	fill(t, s)
	copies := func() (n int) {
		require.NoError(t, s.DB.QueryRow(t.Context(), `
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND query LIKE 'COPY%'`).Scan(&n))
		return n
	}
	for range 4 {
		stall(t, s.URL, `{"table": "fills", "format": "csv"}`)
	}
	require.Eventually(t, func() bool { return copies() > 0 }, 30*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return copies() == 0 }, 30*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		_, rows, err := exported(t.Context(), c, &controlv1.ExportRequest{Table: "fills", Format: "csv"})
		return err == nil && rows == 40000
	}, 30*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return s.DB.Stats().InUseConns == 0 }, 10*time.Second, 10*time.Millisecond)
}

// stall asks for an export on a connection that stays open until the test ends,
// and reads nothing.
func stall(t *testing.T, address, request string) {
	t.Helper()
	host := strings.TrimPrefix(address, "http://")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
	message := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request)))
	message = append(message, request...)
	_, err = fmt.Fprintf(conn, "POST /alphapulse.control.v1.DataService/Export HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: application/connect+json\r\nConnect-Protocol-Version: 1\r\nContent-Length: %d\r\n\r\n%s",
		host, len(message), message)
	require.NoError(t, err)
}
