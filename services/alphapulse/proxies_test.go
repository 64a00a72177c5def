package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func TestAProxyThatIsNoAddressStopsTheStart(t *testing.T) {
	t.Parallel()
	with := func(name, value string) error {
		return checkProxies(daemon.NewEnv([]string{name + "=" + value}).Lookup)
	}
	for _, good := range []string{"", "http://desk:p%25ss@proxy:3128", "proxy:3128", "socks5://127.0.0.1:1080"} {
		require.NoError(t, with("HTTPS_PROXY", good), good)
	}
	for _, bad := range []string{"http://desk:p%ssw0rd@proxy:3128", "https://", "ftp://proxy"} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY"} {
			err := with(name, bad)
			require.ErrorContains(t, err, name+" is set and is not the address of a proxy")
			require.NotContains(t, err.Error(), "ssw0rd")
		}
	}
	for _, command := range []string{"worker", "up"} {
		code, _, errs := invoke(t.Context(), []string{"HTTPS_PROXY=http://desk:p%ssw0rd@proxy:3128", "HOME=" + t.TempDir()}, command)
		require.Equal(t, exitUsage, code, command)
		require.Contains(t, errs, "HTTPS_PROXY is set", command)
	}
}
