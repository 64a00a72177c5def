package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// newToken is what `tokens create` was asked for.
type newToken struct {
	scopes  []string
	expires string
	file    string
}

func (p *program) tokensCreateCommand() *cobra.Command {
	var n newToken
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a token and show it once", Args: exactly(1, "a name for the token"),
		Long: "Make a token and show it once: on standard output, or in a file that only you can read. Only its hash is\n" +
			"kept, so a token that is lost is replaced by another one.\n\nScopes:\n" + scopeHelp + "\n\n" +
			"With --json: " + tokenHelp + ", token}, token null if it is in a file",
		Example: "  alphapulse tokens create grafana --scopes read\n" +
			"  alphapulse tokens create ci --scopes read,sync --expires 90d --token-file ci.token\n" +
			"  ALPHAPULSE_TOKEN_FILE=ci.token alphapulse sync main --wait",
	}
	r := p.remote(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&n.scopes, "scopes", nil, "what the token may do, some of "+scopeNames())
	flags.StringVar(&n.expires, "expires", "", "how long it is good for, as in 90d or 12h (default: until it is revoked)")
	flags.StringVar(&n.file, "token-file", "", "write the token to this new file, readable by you alone")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request, err := n.request(args[0])
		if err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			return r.createToken(ctx, c, request, n.file)
		})
	}
	return cmd
}

func (n newToken) request(name string) (*controlv1.CreateTokenRequest, error) {
	scopes, err := access.ParseScopes(n.scopes)
	if err != nil {
		return nil, usageError("--scopes: %v", err)
	}
	request := &controlv1.CreateTokenRequest{Name: name}
	for _, s := range scopes {
		request.Scopes = append(request.Scopes, string(s))
	}
	if n.expires == "" {
		return request, nil
	}
	life, err := lifetime(n.expires)
	if err != nil {
		return nil, err
	}
	request.ExpiresIn = durationpb.New(life)
	return request, nil
}

// lifetime reads 90d, or what Go reads as a duration.
func lifetime(text string) (time.Duration, error) {
	const maxDays = 3650
	if number, isDays := strings.CutSuffix(text, "d"); isDays {
		if days, err := strconv.Atoi(number); err == nil && days > 0 && days <= maxDays {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, usageError("--expires %q: want a time to live such as 90d or 12h, at most %dd", text, maxDays)
}

// createToken has the file open before the token exists, so that it is not lost
// to a file that cannot be written.
func (r *remote) createToken(
	ctx context.Context, c *client, request *controlv1.CreateTokenRequest, path string,
) (err error) {
	if err := c.mayCarryKeys(); err != nil {
		return err
	}
	var file *os.File
	if path != "" {
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return usageError("--token-file: %v", err)
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(path))
			}
		}()
		defer func() { _ = file.Close() }() // it was closed already, unless something failed
	}
	res, err := c.CreateToken(ctx, request)
	if err != nil {
		return err
	}
	text := vault.NewSecret(res.GetText())
	if file == nil {
		return r.showToken(res.GetToken(), text)
	}
	_, err = file.WriteString(text.Reveal() + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing the token: %w; revoke it: alphapulse tokens revoke %s", err, request.GetName())
	}
	return r.showToken(res.GetToken(), vault.Secret{})
}

// showToken prints a token that was made. Standard output has its text alone, so
// that a script can take it.
func (r *remote) showToken(token *controlv1.Token, text vault.Secret) error {
	p := r.program
	if r.asJSON {
		view := struct {
			tokenView

			Token *string `json:"token"`
		}{tokenView: viewToken(token)}
		if !text.IsEmpty() {
			shown := text.Reveal()
			view.Token = &shown
		}
		return p.writeJSON(view)
	}
	p.note("Token %s: %s, good until %s.", plain(token.GetName()), strings.Join(token.GetScopes(), ","), tokenEnd(token))
	if !text.IsEmpty() {
		p.note("It is shown this once:")
		p.say("%s", text.Reveal())
	}
	return nil
}
