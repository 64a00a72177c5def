package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/mutation/guard"
	"github.com/alphapulse/alphapulse/services/internal/mutation/trial"
)

// run lists or tries the guards. The error says what is not as it should be.
func run(ctx context.Context, o options, out io.Writer) error {
	guards, err := chosen(o.only)
	if err != nil {
		return err
	}
	if o.list {
		listed(out, guards)
		return nil
	}
	root, err := trial.Root(ctx)
	if err != nil {
		return err
	}
	tree, err := trial.Copy(ctx, root)
	if err != nil {
		return err
	}
	report, err := tryAll(ctx, tree, guards, out)
	err = errors.Join(err, tree.Close())
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing was written")
	}
	if err != nil {
		return err
	}
	if err := report.write(ctx, root, o); err != nil {
		return err
	}
	return report.conclude(out)
}

// chosen are the guards whose names match a pattern; all if there is none.
func chosen(only string) ([]guard.Guard, error) {
	all, err := guard.All()
	if err != nil || only == "" {
		return all, err
	}
	var some []guard.Guard
	for _, g := range all {
		for pattern := range strings.SplitSeq(only, ",") {
			ok, err := path.Match(strings.TrimSpace(pattern), g.Name)
			if err != nil {
				return nil, fmt.Errorf("--only %q: %w", pattern, err)
			}
			if ok {
				some = append(some, g)
				break
			}
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("--only %q: no guard has such a name; --list shows them", only)
	}
	return some, nil
}

// tryAll tries one guard after the other and prints what came of each.
func tryAll(ctx context.Context, tree *trial.Tree, guards []guard.Guard, out io.Writer) (report, error) {
	r := report{Began: time.Now().UTC()}
	var tests []guard.Test
	for _, g := range guards {
		tests = append(tests, g.Tests...)
	}
	fmt.Fprintf(out, "%d guards; their tests must pass while all are in place ...\n", len(guards))
	if err := tree.Baseline(ctx, tests); err != nil {
		return r, err
	}
	fmt.Fprintf(out, "they do (%.0f s)\n", time.Since(r.Began).Seconds())
	for i, g := range guards {
		result, err := tree.Try(ctx, g)
		if err != nil {
			return r, fmt.Errorf("guard %s: %w", g.Name, err)
		}
		r.Results = append(r.Results, result)
		line(out, i+1, len(guards), result)
	}
	r.Took = time.Since(r.Began)
	return r, nil
}
