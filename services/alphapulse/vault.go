package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/shared/vault"
)

// vaultCommand is `alphapulse vault`.
func (p *program) vaultCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "vault", Short: "Make the keys that protect the accounts' credentials", GroupID: "parts",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	keygen := p.keygenCommand()
	keygen.Hidden, keygen.GroupID = false, ""
	cmd.AddCommand(keygen)
	return cmd
}

// keygenCommand is `alphapulse vault keygen DIR`, also without `vault`.
func (p *program) keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "keygen DIR", Short: "Make a pair of vault keys in a directory", GroupID: "parts", Hidden: true,
		Long: "Make a pair of vault keys in a directory: " + vault.PrivateKeyFile + " for the workers (" +
			vault.PrivateKeySetting + "_FILE), " + vault.PublicKeyFile + " for the api (" + vault.PublicKeySetting +
			"_FILE).\nKeys that exist are never overwritten. Losing the private key loses the stored credentials.",
		Args: exactly(1, "the directory for the keys"),
		RunE: func(_ *cobra.Command, args []string) error { return p.keygen(args[0]) },
	}
}

func (p *program) keygen(dir string) error {
	if err := vault.GenerateKeys(dir); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s_FILE=%s   (workers)\n%s_FILE=%s   (api)\n",
		vault.PrivateKeySetting, filepath.Join(dir, vault.PrivateKeyFile),
		vault.PublicKeySetting, filepath.Join(dir, vault.PublicKeyFile))
	return nil
}
