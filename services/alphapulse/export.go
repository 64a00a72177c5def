package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// exportTable is `alphapulse export` and its flags.
type exportTable struct {
	*remote
	list         bool
	account      string
	since, until dateFlag
	format, path string
}

func (p *program) exportCommand() *cobra.Command {
	e := &exportTable{}
	cmd := &cobra.Command{
		Use: "export TABLE", GroupID: "use", Short: "Write a table to a file, as CSV or Parquet", Args: atMostOne,
		Long: `Write a table or view to a file or to standard output, as it is at one instant, whatever is being written
meanwhile. Numbers are exact: CSV has every digit, and Parquet has them as text, because its decimals are bounded.
In CSV an empty field is NULL, and "" an empty text. Tables with keys or tokens are not given.

A file appears under its name only when it is whole.

With --json: {table, format, path, rows, bytes}, and with --list {tables: [{name, view, by_account, time_column}]}`,
		Example: "  alphapulse export --list\n  alphapulse export fills --account main --since 2026-01-01 -o fills.parquet\n" +
			"  alphapulse export balances > balances.csv",
	}
	e.remote = p.remote(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&e.list, "list", false, "list what can be exported")
	flags.StringVar(&e.account, "account", "", "only rows of this account")
	flags.Var(&e.since, "since", "only rows whose time is not before: "+dateHelp)
	flags.Var(&e.until, "until", "only rows whose time is before")
	flags.StringVar(&e.format, "format", "", "csv or parquet (default: that of the file's name, else csv)")
	flags.StringVarP(&e.path, "output", "o", "", "write to this file, and not to standard output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := e.check(args); err != nil {
			return err
		}
		return e.with(cmd.Context(), func(ctx context.Context, c *client) error {
			if e.list {
				return e.listTables(ctx, c)
			}
			return e.export(ctx, c, args[0])
		})
	}
	return cmd
}

func (e *exportTable) check(args []string) error {
	switch {
	case e.list && len(args) > 0:
		return usageError("--list takes no table")
	case e.list:
		return nil
	case len(args) == 0:
		return usageError("name a table; `alphapulse export --list` lists them")
	}
	if e.format == "" {
		e.format = "csv"
		if filepath.Ext(e.path) == ".parquet" {
			e.format = "parquet"
		}
	}
	switch {
	case e.format != "csv" && e.format != "parquet":
		return usageError("--format must be csv or parquet")
	case e.format == "parquet" && e.path == "" && isTerminal(e.program.stdout):
		return usageError("Parquet is not for a terminal: name a file with -o")
	case e.asJSON && e.path == "":
		return usageError("--json describes a file that was written: name one with -o")
	}
	return checkSpan(&e.since, &e.until)
}

func (e *exportTable) listTables(ctx context.Context, c *client) error {
	res, err := c.ListTables(ctx, &controlv1.ListTablesRequest{})
	if err != nil {
		return err
	}
	if e.asJSON {
		tables := []fields{}
		for _, t := range res.GetTables() {
			tables = append(tables, fields{
				"name": t.GetName(), "view": t.GetView(), "by_account": t.GetByAccount(), "time_column": t.GetTimeColumn(),
			})
		}
		return e.program.writeJSON(fields{"tables": tables})
	}
	t := newTable(e.program.stdout, "TABLE", "BY ACCOUNT", "TIME")
	for _, table := range res.GetTables() {
		by := "no"
		if table.GetByAccount() {
			by = "yes"
		}
		t.row(table.GetName(), by, orDash(table.GetTimeColumn()))
	}
	return t.end()
}

func (e *exportTable) export(ctx context.Context, c *client, table string) error {
	request := &controlv1.ExportRequest{
		Table: table, Account: e.account, Since: e.since.stamp(), Until: e.until.stamp(), Format: e.format,
	}
	if e.path == "" {
		_, err := receive(ctx, c, request, e.program.stdout)
		return err
	}
	// Beside its place, so that the last step is a rename.
	file, err := os.CreateTemp(filepath.Dir(e.path), "."+filepath.Base(e.path)+".*")
	if err != nil {
		return &exitError{code: exitFailure, message: "the file cannot be made: " + err.Error()}
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone if all went well
	rows, err := receive(ctx, c, request, file)
	if err = errors.Join(err, file.Chmod(0o644), file.Sync()); err != nil {
		_ = file.Close() // the first error counts
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), e.path); err != nil {
		return err
	}
	if e.asJSON {
		return e.program.writeJSON(fields{"table": table, "format": e.format, "path": e.path, "rows": rows, "bytes": size})
	}
	e.program.note("%s of %s written to %s", number(int(rows), "row"), table, e.path)
	return nil
}

// receive writes an export to out and returns how many rows it has. A stream
// that breaks off is an error: half a table looks like a whole one.
func receive(ctx context.Context, c *client, request *controlv1.ExportRequest, out io.Writer) (int64, error) {
	stream, err := c.Export(ctx, request)
	if err != nil {
		return 0, explainCall(ctx, err, c.base)
	}
	defer stream.Close()
	for stream.Receive() {
		if stream.Msg().GetDone() {
			return stream.Msg().GetRows(), nil
		}
		if _, err := out.Write(stream.Msg().GetData()); err != nil {
			return 0, err
		}
	}
	if err := stream.Err(); err != nil {
		return 0, explainCall(ctx, err, c.base)
	}
	return 0, &exitError{code: exitFailure, message: "the API broke the export off: what was written is not whole"}
}
