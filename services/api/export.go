package api

import (
	"bufio"
	"context"
	"errors"
	"os"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/export"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

const (
	// exportChunk is how much of a file one message carries.
	exportChunk = 256 << 10
	// maxExports bounds how many connections of the pool exports may hold: each has
	// one for as long as its reader takes, who loses it by taking no chunk within
	// Config.SendTimeout.
	maxExports = 4
)

// ListTables implements DataService.
func (s datas) ListTables(ctx context.Context, _ *controlv1.ListTablesRequest) (*controlv1.ListTablesResponse, error) {
	all, err := export.Tables(ctx, s.exportFrom())
	out := &controlv1.ListTablesResponse{}
	for _, t := range all {
		out.Tables = append(out.Tables, &controlv1.Table{
			Name: t.Name, View: t.View, ByAccount: t.ByAccount, TimeColumn: t.TimeColumn,
		})
	}
	return out, err
}

// exportFrom is a replica while one is fresh enough.
func (s datas) exportFrom() *postgres.DB {
	if s.deps.Reads == nil {
		return s.deps.DB
	}
	return s.deps.Reads.DB()
}

// Export implements DataService.
func (s datas) Export(
	ctx context.Context, req *controlv1.ExportRequest, stream *connect.ServerStream[controlv1.ExportResponse],
) error {
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return problem(connect.CodeResourceExhausted, errors.New("too many exports are under way"),
			&controlv1.Problem{Class: classOverload, Reason: "exports", RetryHelps: true, NextStep: "try again when one has ended"})
	}
	db := s.exportFrom()
	table, rows, err := s.chosenRows(ctx, db, req)
	if err != nil {
		return err
	}
	sent := &chunks{stream: stream}
	buffer := bufio.NewWriterSize(sent, exportChunk)
	n, err := export.Write(ctx, db, table, rows, req.GetFormat(), buffer)
	if err == nil {
		err = buffer.Flush()
	}
	if sent.stalled {
		s.log.WithField("table", table.Name).Warnf("api: export given up: its reader took nothing for %s", s.cfg.SendTimeout)
	}
	if err != nil {
		return err
	}
	s.log.WithField("table", table.Name).WithField("rows", n).Info("api: table exported")
	return stream.Send(&controlv1.ExportResponse{Rows: n, Done: true})
}

// chosenRows checks what is asked for.
func (s datas) chosenRows(
	ctx context.Context, db *postgres.DB, req *controlv1.ExportRequest,
) (export.Table, export.Rows, error) {
	rows := export.Rows{}
	if req.GetFormat() == "" {
		return export.Table{}, rows, badRequest("format", "", errors.New("no format was given: csv or parquet"))
	}
	err := checkWord("format", req.GetFormat(), []string{export.CSV, export.Parquet})
	if err != nil {
		return export.Table{}, rows, err
	}
	if rows.Since, rows.Until, err = checkSpan(req.GetSince(), req.GetUntil()); err != nil {
		return export.Table{}, rows, err
	}
	table, err := export.Find(ctx, db, req.GetTable())
	switch {
	case errors.Is(err, export.ErrNoTable):
		return table, rows, notFound("table_not_found", "`alphapulse export --list` lists the tables", err)
	case err != nil:
		return table, rows, err
	case req.GetAccount() != "" && !table.ByAccount:
		return table, rows, badRequest("account", "", errors.New(table.Name+" has no rows of accounts: leave the account out"))
	case (req.GetSince() != nil || req.GetUntil() != nil) && table.TimeColumn == "":
		return table, rows, badRequest("time", "", errors.New(table.Name+" has no times to choose by: leave them out"))
	}
	if req.GetAccount() != "" {
		account, err := s.account(ctx, req.GetAccount())
		if err != nil {
			return table, rows, err
		}
		rows.AccountID = account.ID
	}
	return table, rows, nil
}

// chunks sends what is written as messages.
type chunks struct {
	stream  *connect.ServerStream[controlv1.ExportResponse]
	stalled bool // one was not taken in time
}

// Write implements io.Writer.
func (c *chunks) Write(p []byte) (int, error) {
	err := c.stream.Send(&controlv1.ExportResponse{Data: p})
	c.stalled = errors.Is(err, os.ErrDeadlineExceeded)
	return len(p), err
}
